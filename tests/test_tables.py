"""Label tables: ours, those of published data sets, and all that can be wrong with one."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

import stages.download
import stages.split
from agegender.common.errors import UserError
from agegender.download.manifest import Entry
from agegender.download.source import plan
from agegender.download.tables import read_table
from agegender.download.values import parse_age, parse_gender
from agegender.photos.photos import SPLITS, group_columns, read_photos
from portraits.album import draw_album
from stages.common.stage import Parameters
from tests.clones import ROOT

AGES = {
    "31": "31",
    " 4.50 ": "4.5",
    "4,5": "4.5",
    "0-2": "0-2",
    "3 \u2013 9": "3-9",
    "(25, 32)": "25-32",
    "30-30": "30",
    "60+": "60-90",
    "more than 70": "70-90",
    "70-120": "70-90",
    ">= 95": "95",
    "None": "",
    "": "",
}


@pytest.mark.parametrize(("text", "age"), AGES.items())
def test_ages(text: str, age: str) -> None:
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["250", "117+", "32-25", "-3", "old", "Oct-19", "1e1", "120-130"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(ValueError, match=r"the age '.*' is no"):
        parse_age(text)


def test_genders() -> None:
    assert {parse_gender(text) for text in ("0", "M", "male", "Man")} == {"male"}
    assert {parse_gender(text) for text in ("1", "f", "FEMALE", "woman")} == {"female"}
    assert parse_gender("u") == parse_gender("") == ""
    assert [parse_gender(text, "male") for text in ("1", "-1")] == ["male", "female"]
    with pytest.raises(ValueError, match="the gender 'x' is none of"):
        parse_gender("x")


@cache
def drawn() -> dict[str, bytes]:
    """The files of an album of drawn people, its table and 48 photos, by path."""
    with TemporaryDirectory() as folder:
        draw_album(Path(folder), 24, 1)
        paths = sorted(path for path in Path(folder).rglob("*.*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def source(folder: Path, tables: dict[str, str], photos: list[str]) -> Path:
    for name, content in zip(photos, list(drawn().values())[1:], strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for name, text in tables.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def labels(entries: list[Entry]) -> dict[str, dict[str, str]]:
    return {entry.file: dict(entry.labels) for entry in entries if not entry.reason}


def reasons(entries: list[Entry]) -> dict[str, str]:
    return {entry.source or entry.file: entry.reason for entry in entries if entry.reason}


def test_the_tables_of_published_data_sets(tmp_path: Path) -> None:
    fairface = source(
        tmp_path / "fairface",
        {
            f"fairface_label_{split}.csv": "file,age,gender,race,service_test\n"
            f"{split}/1.jpg,3-9,Male,East Asian,True\n"
            f"{split}/2.jpg,more than 70,Female,East Asian,False\n"
            for split in ("train", "val")
        },
        ["train/1.jpg", "train/2.jpg", "val/1.jpg", "val/2.jpg"],
    )
    assert labels(plan(fairface, "")) == {
        f"{split}_{number}.jpg": {"age": age, "gender": gender, "race": "East Asian"}
        for split in ("train", "val")
        for number, age, gender in ((1, "3-9", "male"), (2, "70-90", "female"))
    }
    titles = "user_id original_image face_id age gender x y dx dy tilt_ang fiducial_yaw_angle"
    header = f"{titles} fiducial_score".replace(" ", "\t")
    rest = "\t0\t0\t9\t9\t5\t0\t-100"
    for place, kind in (("aligned", "landmark"), ("faces", "coarse_tilt")):
        adience = source(
            tmp_path / place,
            {
                "fold_0_data.txt": f"{header}\n"
                f"7@N01\ta.jpg\t1\t(25, 32)\tf{rest}\n7@N01\tb.jpg\t2\tNone\tu{rest}\n",
                "fold_1_data.txt": f"{header}\n8@N01\tc.jpg\t2\t35\tu{rest}\n",
            },
            [
                f"{place}/7@N01/{kind}_aligned_face.1.a.jpg",
                f"{place}/7@N01/{kind}_aligned_face.2.b.jpg",
                f"{place}/8@N01/{kind}_aligned_face.2.c.jpg",
            ],
        )
        entries = plan(adience, "")
        assert labels(entries) == {
            f"7@N01_{kind}_aligned_face.1.a.jpg": {
                "age": "25-32",
                "gender": "female",
                "person": "7@N01",
            },
            f"8@N01_{kind}_aligned_face.2.c.jpg": {"age": "35", "person": "8@N01"},
        }
        assert reasons(entries)[f"{place}/7@N01/{kind}_aligned_face.2.b.jpg"] == (
            "neither age nor gender is known (fold_0_data.txt, row 3)"
        )
    appa_real = source(
        tmp_path / "appa-real",
        {
            "gt_avg_train.csv": "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n"
            "000000.jpg,36,5.05,1.26,4\n"
        },
        ["train/000000.jpg", "train/000000.jpg_face.jpg"],
    )
    assert labels(plan(appa_real, "")) == {"000000.jpg_face.jpg": {"age": "4"}}
    agedb = source(tmp_path / "AgeDB", {}, ["0_MariaCallas_35_f.jpg"])
    known = {"age": "35", "gender": "female", "person": "MariaCallas"}
    assert labels(plan(agedb, "")) == {"0_MariaCallas_35_f.jpg": known}
    known |= {"split": "validation"}
    (agedb / "agedb.csv").write_text("age,path,split\n35,AgeDB/0_MariaCallas_35_f.jpg,val\n")
    assert labels(plan(agedb, "")) == {"AgeDB_0_MariaCallas_35_f.jpg": known}


def test_all_that_is_wrong_is_listed_with_its_reason(tmp_path: Path) -> None:
    table = (
        "Path;Age;Sex;Camera;Note;group\n"
        "a.jpg;30;m;front;one;x\n"
        "b.jpg;250;f;front;two;x\n"
        "c.jpg;30;x;front;three;x\n"
        "d.jpg;;;front;four;x\n"
        "e.jpg;30;m;front;five;x\n"
        "e.jpg;31;m;front;six;x\n"
        "f.jpg;7;;back;seven;y\n"
        "f.jpg;7;;back;seven;y\n"
        "gone.jpg;30;m;front;eight;x\n"
        "twice.jpg;30;m;front;nine;x\n"
        "h.jpg;30;m;front\n"
        "i.heic;30;m;front;ten;x\n"
    )
    photos = [f"{name}.jpg" for name in "abcdefgh"] + ["1/twice.jpg", "2/twice.jpg", "i.heic"]
    entries = plan(source(tmp_path, {"labels.csv": table}, photos), "")
    assert labels(entries) == {
        "a.jpg": {"age": "30", "gender": "male", "camera": "front", "group_": "x"},
        "f.jpg": {"age": "7", "camera": "back", "group_": "y"},
    }
    genders = "0, 1, m, f, male, female, man, woman"
    assert reasons(entries) == {
        "labels.csv": "the label table: 12 rows in UTF-8, separated by ';'; file from path; "
        "gender from sex; groups by camera, group_; ignored: note",
        "b.jpg": "the age '250' is not within 0 to 116 (labels.csv, row 3)",
        "c.jpg": f"the gender 'x' is none of {genders} (labels.csv, row 4)",
        "d.jpg": "neither age nor gender is known (labels.csv, row 5)",
        "e.jpg": "rows with different labels: labels.csv, row 6 and labels.csv, row 7",
        "labels.csv, row 9": "the same as labels.csv, row 8",
        "labels.csv, row 10": "there is no file 'gone.jpg'",
        "labels.csv, row 11": "2 files whose paths end with 'twice.jpg'; give more of the path",
        "h.jpg": "4 values for 6 columns (labels.csv, row 12)",
        "i.heic": "HEIC, a format that cannot be read; convert it to JPEG",
        **dict.fromkeys(["g.jpg", "1/twice.jpg", "2/twice.jpg"], "no row in labels.csv"),
    }


def test_a_row_means_the_file_that_lies_there_whatever_others_are_called(tmp_path: Path) -> None:
    table = "file,age\n1.jpg,3\nmore/1.jpg,4\n"
    entries = plan(source(tmp_path, {"labels.csv": table}, ["1.jpg", "more/1.jpg"]), "")
    assert labels(entries) == {"1.jpg": {"age": "3"}, "more_1.jpg": {"age": "4"}}


def test_groups_are_called_otherwise_than_what_the_pipeline_adds() -> None:
    table = "file,age,image,thumbnail\n" + "".join(f"{i}.jpg,3,x,y\n" for i in range(4))
    assert read_table("", table.encode()).rows[0].labels == {
        "age": "3",
        "image_": "x",
        "thumbnail_": "y",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    folder = source(tmp_path, {}, ["é/ü.jpg"])
    rows = [["age", "file", "country"], ["5", "é/ü.jpg", "Côte d'Ivoire"], [" 6 ", "x.jpg", ""]]
    text = "".join(separator.join(row) + "\r\n" for row in rows)
    (folder / "labels.tsv").write_bytes(text.encode(encoding))
    entries = plan(folder, "")
    assert labels(entries) == {"é_ü.jpg": {"age": "5", "country": "Côte d'Ivoire"}}
    name = {"cp1252": "Windows-1252", "utf-16": "UTF-16"}.get(encoding, "UTF-8")
    assert f"2 rows in {name}, separated by" in reasons(entries)["labels.tsv"]


def test_a_table_may_lie_elsewhere_and_hold_whole_paths(tmp_path: Path) -> None:
    folder = source(tmp_path / "faces", {}, ["a.jpg", "in/b.jpg"])
    table = tmp_path / "mine.csv"
    table.write_text(f"img_path,age\n{folder}/a.jpg,5\nin\\b.jpg,6\n")
    entries = plan(folder, "", table)
    assert labels(entries) == {"a.jpg": {"age": "5"}, "in_b.jpg": {"age": "6"}}
    assert reasons(entries).keys() == {"mine.csv"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "no column of files"),
        ("name,age\na.jpg,5\n", "no column of files (file, path, image,"),
        ("file,years\na.jpg,5\n", "neither a column age nor a column gender"),
        ("file,age,age\na.jpg,5,5\n", "two columns 'age'"),
        ("file,age\nb.jpg,5\n", "no usable photo of 1; a.jpg: no row in labels.csv; labels.csv, r"),
        ("file,age\na.jpg,500\n", "a.jpg: the age '500' is not within 0 to 116 (labels.csv, row"),
    ],
)
def test_a_table_of_no_use_says_why_in_one_line(tmp_path: Path, table: str, words: str) -> None:
    source(tmp_path, {"labels.csv": table}, ["a.jpg"])
    with pytest.raises(UserError) as caught:
        plan(tmp_path, "faces")
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The label table of a folder ``faces`` of drawn people, in an empty project's folder."""
    monkeypatch.chdir(tmp_path)
    for name, content in drawn().items():
        Path("faces", name).parent.mkdir(parents=True, exist_ok=True)
        Path("faces", name).write_bytes(content)
    return pd.read_csv("faces/labels.csv", dtype=str)


def split_photos_of(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The photos of all splits, by way of the stages download and split."""
    table.to_csv("faces/labels.csv", index=False)
    sections = {
        "download": {"source": "faces", "labels": None, "sha256": None, "sample_images": 1},
        "split": {
            "file": str(ROOT / "recipes/random-split.csv"),
            "folds": 0,
            "fold": 0,
            "validation": 0.2,
            "test": 0.2,
            "near_duplicate_correlation": 0.955,
        },
    }
    for stage in (stages.download, stages.split):
        declared = Parameters("", {"seed": 1, **sections})
        monkeypatch.setattr(stage, "parameters", lambda name, declared=declared: declared)
        stage.main()
    splits = {split: read_photos(Path(f"data/split/{split}.csv")) for split in SPLITS}
    return pd.concat([photos.assign(split=split) for split, photos in splits.items()])


def test_from_a_table_to_splits_in_which_people_are_whole(
    album: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    album.loc[album.index % 5 == 1, "age"] = ""
    album.loc[album.index % 5 == 2, "sex"] = "u"
    gone = album.tail(1).assign(image="gone.jpg")
    photos = split_photos_of(pd.concat([album, gone]), monkeypatch)
    assert len(photos) == len(album) == 48 and group_columns(photos) == ["camera"]
    assert (photos.groupby("person")["split"].nunique() == 1).all()
    assert photos["age"].isna().sum() == photos["gender"].isna().sum() == 10
    ranges = photos[photos["age_min"] < photos["age_max"]]
    assert len(ranges) and (ranges["age"] == ranges["age_min"] + 4.5).all()
    counted = json.loads(Path("metrics/split.json").read_text())
    people = photos.groupby("split")["person"].nunique()
    assert counted["people"] == {"total": 24, **people, "photos": 48}
    # The table itself is the only file that is no photo, and a row of no photo is no file.
    assert (counted["images"]["total"], counted["images"]["rejected"]) == (49, 1)
    assert sum(counted["rejected"].values()) == counted["unmatched_rows"] == 1
    assert "labels.csv, row 50" in Path("data/rejected.csv").read_text()
    assert "49 files: 48 kept, 1 rejected" in capsys.readouterr().out


def test_a_table_may_name_the_splits(album: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    named = ["train", "val", "Test", ""] * 12
    photos = split_photos_of(album.assign(split=named), monkeypatch)
    expected = {
        path.replace("/", "_"): {"train": "train", "val": "validation", "Test": "test"}[split]
        for path, split in zip(album["image"], named, strict=True)
        if split
    }
    assert dict(zip(photos["file"], photos["split"], strict=True)) == expected
    assert json.loads(Path("metrics/split.json").read_text())["rejected"]["left_out"] == 12
    # Without photos for the test it says nothing.
    photos = split_photos_of(album.assign(split="train"), monkeypatch)
    assert set(photos["split"]) == set(SPLITS) and len(photos) == 48


def test_a_first_look_needs_no_tensorflow(tmp_path: Path) -> None:
    text = "file,age,gender,camera\na.jpg,3-9,0,front\nb.jpg,31,u,front\nc.jpg,250,,\n"
    source(tmp_path / "faces", {"labels.csv": text}, ["a.jpg", "b.jpg", "c.jpg"])
    program = "import sys, cli.main; cli.main.main(); assert 'tensorflow' not in sys.modules"
    printed = subprocess.run(
        [sys.executable, "-c", program, "inspect", str(tmp_path / "faces")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for part in ("2 photos would be kept; 2 other files and rows", "of 1 as a range", "male"):
        assert part in printed
    assert printed.count("camera") == 2 and "the age '250' is not within" in printed
