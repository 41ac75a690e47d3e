"""The stages split and preprocess, from a folder of files to TFRecords."""

import hashlib
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageOps

import stages.preprocess
import stages.split
from agegender.common.errors import UserError
from agegender.download.labeling import label_by_names
from agegender.download.manifest import Entry, write_manifest
from agegender.download.names import RACES
from agegender.networks import datasets
from agegender.photos.photos import SPLITS, read_photos
from agegender.photos.records import read_index, read_labels
from portraits.archive import draw_samples
from stages.common.stage import Parameters, _remedy
from tests.clones import ROOT

DECLARED: dict[str, Any] = {
    "seed": 1,
    "image_size": 32,
    "split": {
        "file": str(ROOT / "recipes/random-split.csv"),
        "validation": 0.1,
        "test": 0.2,
        "folds": 0,
        "fold": 0,
        "near_duplicate_correlation": 0.955,
    },
    "preprocess": {"shard_records": 8},
}


def jpeg(seed: int) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def name(number: int, age: int = 30) -> str:
    return f"{age}_{number % 2}_0_2017{number:013d}.jpg"


def fill(files: dict[str, bytes]) -> None:
    Path("data/raw").mkdir(parents=True)
    entries = [Entry("", "x/hidden", 3, "0" * 64, "a hidden file")]
    for file, content in files.items():
        Path("data/raw", file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        entries.append(Entry(file, f"x/{file}", len(content), digest, ""))
    write_manifest(Path("data/raw"), label_by_names(entries))


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A project's folder with 40 good photos and some of each kind that is not."""
    monkeypatch.chdir(tmp_path)
    for stage in (stages.split, stages.preprocess):
        monkeypatch.setattr(stage, "parameters", lambda name: Parameters(name, DECLARED))
    files = {name(i, 3 * i % 100): jpeg(i) for i in range(40)}
    files[name(100)] = jpeg(5)[:-400]
    files[name(101)] = b""
    files["30_1_20170000000000102.jpg"] = jpeg(102)
    files[name(103)] = jpeg(103)
    files[name(105)] = jpeg(103)
    files[name(107)] = jpeg(107)
    files[name(109, 80)] = jpeg(107)
    return files


def test_every_file_is_in_exactly_one_list(raw: dict[str, bytes]) -> None:
    fill(raw)
    stages.split.main()
    splits = [read_photos(Path(f"data/split/{split}.csv")) for split in SPLITS]
    listed = list(pd.concat(splits)["file"])
    rejected = dict(pd.read_csv("data/rejected.csv").to_numpy())
    assert Counter(listed + list(rejected)) == Counter(["x/hidden", *raw])
    assert rejected == {
        "x/hidden": "a hidden file",
        name(100): "the image is truncated or damaged",
        name(101): "the file is empty",
        "30_1_20170000000000102.jpg": (
            "the name is not AGE_GENDER_RACE_TIMESTAMP.EXTENSION: 3 of 4 fields"
        ),
        name(105): f"duplicate of {name(103)}",
        name(107): f"same photo as {name(109, 80)}, which has other labels",
        name(109, 80): f"same photo as {name(107)}, which has other labels",
    }
    assert json.loads(Path("metrics/split.json").read_text()) == {
        "images": {"total": 48, "train": 29, "validation": 4, "test": 8, "rejected": 7},
        "rejected": {
            "source": 1,
            "labels": 1,
            "left_out": 0,
            "image": 2,
            "duplicate": 1,
            "contradiction": 2,
        },
        "near_duplicates": {
            "groups": 0,
            "photos": 0,
            "pairs": {"same": 0, "mirrored": 0, "cropped": 0},
        },
        "labels": {"gender": 41, "age": 41, "age_range": 0},
        "copies": {
            "pairs": 2,
            "age_mae": 25.0,
            "gender_differs": 0.0,
            "identical": {"pairs": 2, "age_mae": 25.0, "gender_differs": 0.0},
        },
    }
    for file, age, gender, race, _ in read_photos(Path("data/split/train.csv")).to_numpy():
        assert file.startswith(f"{age}_{gender}_{RACES.index(race)}_")


def test_a_published_split_is_followed_copies_and_all(
    raw: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(raw)
    good = [
        file for file in raw if raw[file] == jpeg(int(file.split("_2017")[1].partition(".")[0]))
    ]
    train, test = good[:20], good[20:30]
    # A corrupt photo, one that is not here, copies in one split and in two.
    train += [name(101), name(1000), name(105), name(107)]
    test += [name(109, 80)]
    rows = [f"x/{file},Training,1" for file in train] + [f"{file},test," for file in test]
    Path("split.csv").write_text("\n".join(["file,split,note", *rows]), encoding="utf-8")
    monkeypatch.setitem(DECLARED, "split", {**DECLARED["split"], "file": "split.csv"})
    stages.split.main()

    splits = {split: read_photos(Path(f"data/split/{split}.csv")) for split in SPLITS}
    assert list(splits["test"]["file"]) == sorted(test)
    learned = pd.concat([splits["train"], splits["validation"]])
    assert sorted(learned["file"]) == sorted(set(train) - {name(101), name(1000)})
    assert len(splits["validation"]) == 2
    rejected = dict(pd.read_csv("data/rejected.csv").to_numpy())
    assert len(learned) + len(test) + len(rejected) == len(raw) + 1
    assert rejected[good[30]] == "the protocol does not name it"
    counted = json.loads(Path("metrics/split.json").read_text())
    assert counted["rejected"]["left_out"] == len(raw) - len(train) - len(test)
    assert counted["protocol"] == {
        "named": 35,
        "missing": 1,
        "rejected": 1,
        "leaks": {"groups": 1, "test_photos": 1},
    }
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith("the protocol names 35 photos: 1 are not here, 1 were rejected; 1")

    Path("split.csv").write_text(f"file,split\n{name(1000)},train\n{good[0]},test\n")
    with pytest.raises(UserError, match=r"names for train is usable; give others with download"):
        stages.split.main()


def changed(content: bytes, change: int) -> bytes:
    """A copy of the drawn portrait ``content``, changed in the way ``change``."""
    image: Image.Image = Image.open(io.BytesIO(content))
    # 2 to 4 % of the sides are cut off.
    edge = change // 6 % 3 + 2
    image = [
        image.resize((90, 90)),
        image,
        ImageOps.mirror(image),
        image.crop((edge, edge, 200 - edge, 200 - edge)),
        ImageEnhance.Brightness(image).enhance(1.3),
        ImageOps.mirror(image).convert("L").resize((120, 150)),
    ][change % 6]
    buffer = io.BytesIO()
    image.save(buffer, ("JPEG", "WEBP")[change % 2], quality=30)
    return buffer.getvalue()


def test_copies_stay_on_the_side_of_their_original_and_strangers_are_alone(
    raw: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "drawn").mkdir()
    draw_samples(tmp_path / "drawn", 300, 3)
    files = {path.name: path.read_bytes() for path in sorted((tmp_path / "drawn").iterdir())}
    # Not the corrupt ones, which were drawn last.
    good = sorted(files, key=lambda file: file.split("_")[-1])[:300]
    copies = {name(i): (file, changed(files[file], i)) for i, file in enumerate(good[::5])}
    fill({file: files[file] for file in good} | {file: copy for file, (_, copy) in copies.items()})
    stages.split.main()
    places: dict[str, tuple[str, int]] = {}
    for split in SPLITS:
        photos = read_photos(Path(f"data/split/{split}.csv"))
        places |= {file: (split, group) for file, *_, group in photos.to_numpy()}
    for copy, (original, _) in copies.items():
        assert places[copy] == places[original]
    counted = json.loads(Path("metrics/split.json").read_text())["near_duplicates"]
    assert counted["groups"] == len(copies) and counted["photos"] == 2 * len(copies)
    assert min(counted["pairs"].values()) > 0 and sum(counted["pairs"].values()) == len(copies)


def test_a_photo_and_its_crop_share_a_split_and_strangers_of_a_time_stamp_do_not(
    raw: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "drawn").mkdir()
    draw_samples(tmp_path / "drawn", 16, 3)
    drawn = sorted((tmp_path / "drawn").iterdir(), key=lambda path: path.name.split("_")[-1])
    portraits = [Image.open(path) for path in drawn[:16]]
    expected = []
    for i in range(8):
        # Two people next to each other, and one of them turned, larger and on its own.
        wild = Image.new("RGB", (640, 400), (90, 120, 60))
        wild.paste(portraits[i].resize((180, 180)), (40, 60))
        wild.paste(portraits[i + 8], (350, 150))
        shown = wild.rotate(3 * i - 10, Image.Resampling.BICUBIC, center=(450, 250))
        crop = shown.crop((370, 170, 530, 330)).resize((200, 200))
        stranger = portraits[(i + 3) % 8]
        for image, extension in ((wild, "jpg"), (crop, "jpg.chip.jpg"), (stranger, "webp")):
            buffer = io.BytesIO()
            image.save(buffer, "WEBP" if extension == "webp" else "JPEG")
            raw[f"{name(300 + i).partition('.')[0]}.{extension}"] = buffer.getvalue()
        expected.append({f"{name(300 + i)}", f"{name(300 + i)}.chip.jpg"})
    fill(raw)
    stages.split.main()
    photos = pd.concat(read_photos(Path(f"data/split/{split}.csv")) for split in SPLITS)
    groups = [set(files) for _, files in photos.groupby("group")["file"] if len(files) > 1]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, expected))
    counted = json.loads(Path("metrics/split.json").read_text())["near_duplicates"]
    assert counted["pairs"] == {"same": 0, "mirrored": 0, "cropped": 8}


def test_too_little_data_is_explained(raw: dict[str, bytes]) -> None:
    fill({name(100): b"", name(0): jpeg(0), name(1): jpeg(1)})
    with pytest.raises(UserError, match=r"^2 usable photos.*download\.source.*rejected\.csv"):
        stages.split.main()
    assert not Path("data/split").exists()


def test_records_hold_the_photos_of_the_splits(raw: dict[str, bytes]) -> None:
    fill(raw)
    stages.split.main()
    stages.preprocess.main()
    folder = Path("data/tfrecords")
    index = read_index(folder)
    assert index.image_size == 32
    for split in SPLITS:
        photos = read_photos(Path(f"data/split/{split}.csv")).drop(columns="group")
        labels = read_labels(folder, split)
        assert (labels["file"] != photos["file"]).any()
        pd.testing.assert_frame_equal(labels.sort_values("file", ignore_index=True), photos)
        images = datasets.photos(folder, split, 1, ["age", "gender"])
        for (file, *row), (image, answers) in zip(labels.to_numpy(), images, strict=True):
            assert [float(answers[task][0, 0]) for task in ("age", "gender")] == row[:2]
            whole = Image.open(io.BytesIO(raw[file]))
            middle = whole.resize((32, 32), Image.Resampling.LANCZOS, box=(4, 0, 44, 40))
            assert (image.numpy()[0] == np.asarray(middle)).all()
    assert {path.name for path in folder.iterdir()} == {
        "index.json",
        *(f"{split}.csv" for split in SPLITS),
        *(f"train-{i:05d}-of-00004.tfrecord" for i in range(4)),
        "validation-00000-of-00001.tfrecord",
        "test-00000-of-00001.tfrecord",
    }

    # What can no longer be read is named, and the earlier records stay.
    Path("data/raw", name(0, 0)).write_bytes(b"gone")
    with pytest.raises(UserError, match=f"{name(0, 0)} has changed since the split"):
        stages.preprocess.main()
    assert read_index(folder) == index and list(Path("data").glob("tfrecords*")) == [folder]


def test_the_remedy_for_damage_is_the_stage_that_writes_the_file() -> None:
    for path, stage in {
        "data/raw/a.jpg": "download",
        "data/tfrecords/train.csv": "preprocess",
        "predictions/custom.csv": "evaluate",
    }.items():
        assert _remedy(Path(path)) == f"; write it again with `dvc repro -sf {stage}`"
    assert _remedy(Path("elsewhere/a.jpg")) == ""
