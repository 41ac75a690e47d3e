from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agegender.common.errors import UserError
from agegender.photos.photos import SPLITS, read_photos, write_photos
from agegender.preparation.protocol import read_protocol
from agegender.preparation.splits import split_fold, split_photos
from tests.clones import ROOT


def crowd(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "file": [f"{i:05d}.jpg" for i in range(count)],
            "age": rng.integers(0, 117, count),
            "gender": rng.integers(0, 2, count),
            "race": "White",
            "group": range(count),
        }
    )


def sizes(splits: dict[str, pd.DataFrame]) -> list[int]:
    return [len(splits[split]) for split in SPLITS]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1000, [700, 100, 200]), (999, [699, 100, 200]), (10, [7, 1, 2]), (4, [2, 1, 1])],
)
def test_sizes_are_exact(count: int, expected: list[int]) -> None:
    assert sizes(split_photos(crowd(count), 0.1, 0.2, 1)) == expected


def test_each_stratum_is_divided_by_the_shares() -> None:
    # The first or last age of each stratum.
    photos = crowd(3000).assign(age=np.tile([2, 3, 9, 10, 69, 70], 500))

    def strata(table: pd.DataFrame) -> pd.Series:
        ages = pd.cut(table["age"], [0, 3, 10, 60, 70, 117], right=False)
        return table.groupby(["gender", ages], observed=True).size()

    splits = split_photos(photos, 0.1, 0.2, 1)
    for split, share in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
        assert (abs(strata(splits[split]) - share * strata(photos)) <= 1.5).all()


def test_a_group_stays_together_and_the_order_of_photos_decides_nothing() -> None:
    photos = crowd(400)
    photos.loc[:99, "group"] //= 5
    splits = split_photos(photos, 0.1, 0.2, 1)
    assert sizes(splits) == [280, 40, 80]
    groups = [set(members["group"]) for members in splits.values()]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 320
    again = split_photos(photos[::-1], 0.1, 0.2, 1)
    other = split_photos(photos, 0.1, 0.2, 2)
    for split in SPLITS:
        pd.testing.assert_frame_equal(splits[split], again[split])
        assert set(splits[split]["file"]) != set(other[split]["file"])


@pytest.mark.parametrize("folds", [2, 5])
def test_over_the_folds_each_photo_is_tested_once_and_groups_stay_together(folds: int) -> None:
    photos = crowd(300)
    photos.loc[:99, "group"] //= 5
    tested = []
    for fold in range(folds):
        splits = split_fold(photos, folds, fold, 0.1, 1)
        assert sizes(splits) == [300 - 30 - 300 // folds, 30, 300 // folds]
        groups = [set(members["group"]) for members in splits.values()]
        assert sum(map(len, groups)) == len(set().union(*groups))
        assert sorted(pd.concat(splits.values())["file"]) == list(photos["file"])
        tested += list(splits["test"]["file"])
    assert sorted(tested) == list(photos["file"])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 116), st.integers(0, 1), st.integers(0, 12)),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from([(0.1, 0.2), (0.4, 0.5), (0.01, 0.01), (0.9, 0.05)]),
)
def test_each_photo_is_in_one_split_and_none_is_empty(
    people: list[tuple[int, int, int]], shares: tuple[float, float]
) -> None:
    photos = pd.DataFrame(people, columns=["age", "gender", "group"])
    photos["file"] = [f"{i:03d}" for i in range(len(people))]
    if photos["group"].nunique() < 3:
        with pytest.raises(UserError, match=f"^{len(people)} usable photos.*at least 3"):
            split_photos(photos, *shares, 1)
        return
    splits = split_photos(photos, *shares, 1)
    assert sorted(pd.concat(splits.values())["file"]) == list(photos["file"])
    assert all(sizes(splits))
    groups = [set(members["group"]) for members in splits.values()]
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_lists_of_photos_come_back(tmp_path: Path) -> None:
    photos = crowd(3).assign(file=['a "b", c.jpg', "ü.jpg", "NA"])
    write_photos(tmp_path / "x.csv", photos)
    pd.testing.assert_frame_equal(read_photos(tmp_path / "x.csv"), photos)
    assert (tmp_path / "x.csv").read_text().startswith("file,age,gender,race,group\n")


@pytest.mark.parametrize("text", ["", "a,b\n", "file,age,gender,race,group\na,x,2,3,4\n", "\0é,,"])
def test_another_file_is_no_list_of_photos(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"x\.csv is damaged"):
        read_photos(tmp_path / "x.csv")


def test_a_protocol_is_read_by_the_names_of_files_and_splits(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "\ufeffage,split,file\n1,Train,UTKFace/a.jpg\n2,val,b\\ü.jpg\n2,,c\n3,test,NA\n3,TEST,NA\n",
        encoding="utf-8",
    )
    expected = {"a.jpg": "train", "ü.jpg": "validation", "NA": "test"}
    assert read_protocol(tmp_path / "x.csv") == expected
    assert read_protocol(ROOT / "recipes/random-split.csv") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no file"),
        ("", "should be a CSV file with the columns file and split"),
        ("file,age\na,3\n", "should be a CSV file with the columns file and split"),
        ("\0é,,", "should be a CSV file with the columns file and split"),
        ("file,split\na,train\nb,later\n", r"line 3: the split is 'later', not train, val"),
        ("file,split\na,\n", r"names no photos for test and train"),
        ("file,split\n,test\n", "line 2: the name of the file is missing"),
        ("file,split\na,train\nx/a,test\n", "line 3: a is for test, but above for train"),
        ("file,split\na,train\nb,val\n", "names no photos for test"),
    ],
)
def test_another_file_is_no_protocol(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "x.csv").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=rf"x\.csv.*{message}|{message}.*x\.csv") as caught:
        read_protocol(tmp_path / "x.csv")
    assert "\n" not in str(caught.value)
