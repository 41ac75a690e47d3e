import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agegender.common.errors import UserError
from agegender.photos import example
from agegender.photos.example import Example
from agegender.photos.photos import SPLITS
from agegender.photos.records import (
    read_index,
    read_records,
    shard_name,
    verify,
    write_index,
    write_shard,
)

SIZE = 4


def some(count: int, start: int = 0) -> list[Example]:
    return [
        Example(
            bytes((i + k) % 256 for k in range(3 * SIZE**2)), f"ü{i}.jpg", i % 117, i % 2, i % 5
        )
        for i in range(start, start + count)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path)


def filled(path: Path) -> Path:
    shards = {
        split: [write_shard(path / shard_name(split, i, 2), some(3, 3 * i)) for i in range(2)]
        for split in SPLITS
    }
    write_index(path, SIZE, shards)
    return path


def read_all(folder: Path) -> list[Example]:
    return [each for split in SPLITS for each in read_records(folder, split)]


def test_records_come_back_in_order(folder: Path) -> None:
    assert list(read_records(folder, "test")) == some(6)
    index = read_index(folder)
    assert index.image_size == SIZE
    assert index.splits["train"].records == 6
    verify(folder, *SPLITS)
    assert not list(folder.glob("*.partial"))


def test_the_same_records_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = filled(tmp_path / "again")
    for path in folder.glob("*.*"):
        assert path.read_bytes() == (again / path.name).read_bytes()


@given(
    st.binary(max_size=200),
    st.text(),
    *[st.integers(-(2**63), 2**63 - 1)] * 3,
)
def test_examples_round_trip(image: bytes, file: str, age: int, gender: int, race: int) -> None:
    whole = Example(image, file, age, gender, race)
    assert example.decode(example.encode(whole)) == whole


@given(st.binary(max_size=80))
def test_other_bytes_are_no_example(serialized: bytes) -> None:
    with pytest.raises(ValueError):
        example.decode(serialized)


@settings(max_examples=200, deadline=None)
@given(split=st.sampled_from(SPLITS), place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_is_reported_with_its_file(
    tmp_path_factory: pytest.TempPathFactory, split: str, place: int, bit: int
) -> None:
    folder = filled(tmp_path_factory.mktemp("records"))
    path = folder / shard_name(split, place % 2, 2)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(UserError, match=path.name):
        verify(folder, *SPLITS)
    with pytest.raises(UserError, match=path.name):
        read_all(folder)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_damaged_index_is_reported_or_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    folder = filled(tmp_path_factory.mktemp("records"))
    path = folder / "index.json"
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    try:
        found = read_all(folder)
    except UserError as error:
        assert str(folder) in str(error)
    else:
        assert found == some(6) * 3


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / shard_name("validation", 1, 2)).unlink()
    with pytest.raises(UserError, match=r"validation-00001-of-00002\.tfrecord is missing"):
        read_index(folder)


def test_a_missing_index_is_named(folder: Path) -> None:
    (folder / "index.json").unlink()
    with pytest.raises(UserError, match=r"index\.json is missing"):
        read_index(folder)


def test_a_shard_of_another_size_is_named(folder: Path) -> None:
    path = folder / shard_name("train", 0, 2)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"{path.name} is damaged: .* bytes in place of"):
        read_index(folder)


def test_exchanged_counts_are_named(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    first, second = index["splits"]["train"]["shards"]
    first["records"], second["records"] = 2, 4
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(
        UserError, match=r"train-00000-of-00002\.tfrecord .* 3 records in place of 2"
    ):
        verify(folder, *SPLITS)


def test_pixels_of_another_size_are_named(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index | {"image_size": 5}))
    with pytest.raises(UserError, match=r"train-00000-of-00002\.tfrecord .* another size"):
        read_all(folder)


def test_tensorflow_reads_the_same(folder: Path) -> None:
    # In a process of its own, so that the messages meet TensorFlow's in one place.
    script = f"""
import tensorflow as tf
from pathlib import Path
from agegender.photos.records import read_records

scalar = tf.io.FixedLenFeature([], tf.int64)
text = tf.io.FixedLenFeature([], tf.string)
features = dict(image=text, file=text, age=scalar, gender=scalar, race=scalar)
folder = Path({str(folder)!r})
ours = list(read_records(folder, "train"))
files = sorted(str(path) for path in folder.glob("train-*"))
theirs = list(tf.data.TFRecordDataset(files))
assert len(ours) == len(theirs) == 6
for one, record in zip(ours, theirs):
    found = tf.io.parse_single_example(record, features)
    image = tf.reshape(tf.io.decode_raw(found["image"], tf.uint8), (4, 4, 3)).numpy()
    assert image.tobytes() == one.image
    assert found["file"].numpy().decode() == one.file
    assert [int(found[name]) for name in ("age", "gender", "race")] == list(one[2:])
    whole = tf.train.Example.FromString(record.numpy()).features.feature
    assert whole["image"].bytes_list.value[0] == one.image and len(whole) == 5
print("read")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "read\n", done.stderr
