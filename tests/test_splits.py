from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agegender.common.errors import UserError
from agegender.photos.photos import SPLITS, Photo, read_photos, write_photos
from agegender.preparation.splits import age_group, part


def crowd(count: int, seed: int = 0, group_size: int = 1) -> list[Photo]:
    rng = np.random.default_rng(seed)
    return [
        Photo(
            f"{i:05d}.jpg", int(rng.integers(0, 117)), int(rng.random() < 0.4), 0, i // group_size
        )
        for i in range(count)
    ]


def sizes(splits: dict[str, list[Photo]]) -> list[int]:
    return [len(splits[split]) for split in SPLITS]


def test_age_groups() -> None:
    assert [age_group(age) for age in (0, 2, 3, 9, 10, 69, 70, 116)] == [0, 0, 1, 1, 2, 7, 8, 8]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1000, [700, 100, 200]), (999, [699, 100, 200]), (10, [7, 1, 2]), (4, [2, 1, 1])],
)
def test_sizes_are_exact(count: int, expected: list[int]) -> None:
    assert sizes(part(crowd(count), 0.1, 0.2, 1)) == expected


def test_kinds_are_spread_by_the_shares() -> None:
    photos = crowd(3000)
    splits = part(photos, 0.1, 0.2, 1)
    kinds = Counter((photo.gender, age_group(photo.age)) for photo in photos)
    for split, share in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
        found = Counter((photo.gender, age_group(photo.age)) for photo in splits[split])
        for kind, count in kinds.items():
            assert abs(found[kind] - share * count) <= 1.5, (split, kind)


def test_a_group_stays_together_and_sizes_stay_exact() -> None:
    photos = crowd(400)
    photos = [photo._replace(group=i // 5 if i < 100 else i) for i, photo in enumerate(photos)]
    splits = part(photos, 0.1, 0.2, 1)
    assert sizes(splits) == [280, 40, 80]
    places: dict[int, set[str]] = {}
    for split, members in splits.items():
        for photo in members:
            places.setdefault(photo.group, set()).add(split)
    assert all(len(found) == 1 for found in places.values())


def test_the_seed_decides_and_the_order_of_the_photos_does_not() -> None:
    photos = crowd(200, group_size=2)
    assert part(photos, 0.1, 0.2, 1) == part(photos[::-1], 0.1, 0.2, 1)
    assert part(photos, 0.1, 0.2, 1) != part(photos, 0.1, 0.2, 2)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 116), st.integers(0, 1), st.integers(0, 12)),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from([(0.1, 0.2), (0.4, 0.5), (0.01, 0.01), (0.9, 0.05)]),
)
def test_everyone_is_in_one_split_and_none_is_empty(
    people: list[tuple[int, int, int]], shares: tuple[float, float]
) -> None:
    photos = [Photo(f"{i:03d}", age, sex, 0, group) for i, (age, sex, group) in enumerate(people)]
    if len({photo.group for photo in photos}) < 3:
        with pytest.raises(UserError, match="at least 3"):
            part(photos, *shares, 1)
        return
    splits = part(photos, *shares, 1)
    assert sorted(chain(*splits.values())) == sorted(photos)
    assert all(splits.values())
    groups = [{photo.group for photo in members} for members in splits.values()]
    assert sum(map(len, groups)) == len(set().union(*groups))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_photos_are_named(count: int) -> None:
    with pytest.raises(UserError, match=f"^{count} usable photos"):
        part(crowd(count), 0.1, 0.2, 1)


def test_lists_of_photos_round_trip(tmp_path: Path) -> None:
    photos = [Photo('a "b", c.jpg', 1, 0, 4, 7), Photo("ü.jpg", 116, 1, 0, 8)]
    write_photos(tmp_path / "x.csv", photos)
    assert read_photos(tmp_path / "x.csv") == photos
    assert (tmp_path / "x.csv").read_text().startswith("file,age,gender,race,group\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n",
        "file,age,gender,race,group\na,1,2,3\n",
        "file,age,gender,race,group\na,x,0,0,0\n",
    ],
)
def test_another_file_is_no_list_of_photos(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(UserError, match=r"x\.csv is not a list of photos"):
        read_photos(tmp_path / "x.csv")
