import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agegender.common.errors import UserError
from agegender.photos.records import read_index, read_labels, verify
from agegender.photos.writer import tf, write_records
from tests.tfrecords import write_tfrecords

SIZE = 4
COUNTS = {"train": 6, "validation": 4, "test": 3}
LABELLED = {
    split: pd.DataFrame(
        {
            "file": [f"ü,{i}.jpg" for i in range(count)],
            "age": range(count),
            "gender": 1,
            "race": "others",
        }
    )
    for split, count in COUNTS.items()
}
IMAGES = np.random.default_rng(0).integers(0, 256, (13, SIZE, SIZE, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path)


def filled(folder: Path) -> Path:
    write_records(folder, SIZE, LABELLED, (image.tobytes() for image in IMAGES), 3)
    return folder


def test_records_are_read_as_they_were_written(folder: Path) -> None:
    index = read_index(folder)
    assert index.image_size == SIZE
    both = index["train+validation"]
    assert both.records == 10
    assert both.shards == [
        *(f"train-0000{i}-of-00002.tfrecord" for i in range(2)),
        *(f"validation-0000{i}-of-00002.tfrecord" for i in range(2)),
    ]
    labels = read_labels(folder, "train+validation")
    expected = pd.concat([LABELLED["train"], LABELLED["validation"]], ignore_index=True)
    pd.testing.assert_frame_equal(labels, expected)
    records = list(tf.data.TFRecordDataset([str(folder / shard) for shard in both.shards]))
    for record, row, image in zip(records, labels.itertuples(), IMAGES[:10], strict=True):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        assert sorted(features) == ["age", "file", "gender", "image", "race"]
        assert features["image"].bytes_list.value[0] == image.tobytes()
        for name in ("file", "race"):
            assert features[name].bytes_list.value[0].decode() == getattr(row, name)
        for name in ("age", "gender"):
            assert features[name].float_list.value[0] == getattr(row, name)
    verify(folder)


def test_the_same_photos_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = filled(tmp_path / "again")
    files = sorted(path.name for path in again.iterdir())
    assert len(files) == 2 + 2 + 1 + 3 + 1
    for name in files:
        assert (folder / name).read_bytes() == (again / name).read_bytes()


@settings(max_examples=40, deadline=None)
@given(number=st.integers(0, 7), place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_with_its_file(
    tmp_path_factory: pytest.TempPathFactory, number: int, place: int, bit: int
) -> None:
    folder = filled(tmp_path_factory.mktemp("records"))
    path = sorted(path for path in folder.iterdir() if path.name != "index.json")[number]
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path.name} is damaged"):
        verify(folder)


@pytest.mark.parametrize("name", ["index.json", "train.csv", "validation-00001-of-00002.tfrecord"])
def test_what_is_missing_or_cut_off_is_named_before_anything_is_read(
    folder: Path, name: str
) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(UserError, match=f"{name} is damaged"):
        read_labels(folder, "test")
    path.unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        read_index(folder)


def test_a_full_disk_is_an_error_of_the_system(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_tfrecords(tmp_path, {"train": np.zeros((9, 128, 128, 3), np.uint8)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_reading_labels_and_index_needs_no_tensorflow() -> None:
    script = (
        "import sys, stages.split, stages.report, stages.preprocess, agegender.photos.records\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
