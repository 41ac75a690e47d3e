"""What training reads: each photo once an epoch, changed at random, and embeddings on disk."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from agegender.augmentation.augmentation import augment, transform
from agegender.augmentation.parameters import Augmentation
from agegender.networks import device
from agegender.networks.datasets import (
    EpochNumber,
    embeddings,
    generator,
    photos,
    training_photos,
)
from agegender.photos.writer import write_records
from agegender.vgg16.frozen.backbone import Backbone
from agegender.vgg16.frozen.embedding import embed, flip_horizontal, identity, saved_state, views
from tests.tfrecords import write_tfrecords

NOTHING = {
    "flip": False,
    "rotation": 0,
    "shift": 0.0,
    "zoom": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "color": 0.0,
    "blur": 0.0,
    "sharpen": 0.0,
    "downscale": 0.0,
    "noise": 0.0,
    "jpeg": 0.0,
    "grayscale": 0.0,
    "erasing": 0.0,
}
SOME = {key: 0.2 for key in NOTHING if key != "flip"} | {"flip": True}
IMAGES = tf.constant(np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8))


def labels(count: int) -> pd.DataFrame:
    return pd.DataFrame({"gender": np.arange(count) % 2, "age": np.arange(count)})


def test_an_epoch_shows_each_photo_once_with_its_own_labels(tmp_path: Path) -> None:
    # A photo's pixels tell its number.
    images = np.arange(35, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8)
    write_tfrecords(tmp_path, {"train": images}, shard_records=7)

    epoch = EpochNumber()

    def shown(seed: int, split: str = "train") -> tf.data.Dataset:
        return training_photos(tmp_path, split, 8, ["age"], seed, epoch)

    def seen(dataset: tf.data.Dataset) -> list[int]:
        numbers: list[int] = []
        for images, wanted in dataset:
            first = images.numpy()[:, 0, 0, 0]
            assert (wanted["age"].numpy()[:, 0] == first).all()
            numbers += first.tolist()
        return numbers

    in_order = [int(i) for shown, _ in photos(tmp_path, "train", 8, []) for i in shown[:, 0, 0, 0]]
    assert in_order == list(range(35))
    dataset = shown(1)
    first, other = seen(dataset), seen(shown(2))
    epoch.set(1)
    second = seen(dataset)
    assert sorted(first) == sorted(second) == list(range(35))
    assert len({tuple(order) for order in (in_order, first, second, other)}) == 4
    epoch.set(0)
    assert first == seen(dataset)
    assert sorted(seen(shown(1, "train+validation"))) == sorted([*range(35), 0])


def test_labels_are_the_same_from_tfrecords_and_from_tables(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "file": ["a", "b", "c", "d"],
            "age": [30, 24.5, np.nan, 7],
            "gender": [0, 1, 1, np.nan],
            "age_min": [30, 20, np.nan, 7],
            "age_max": [30, 29, np.nan, 7],
            "camera": "front",
        }
    )
    expected = {
        "gender": [[0], [1], [1], [np.nan]],
        "age": [[30, 30], [20, 29], [np.nan] * 2, [7, 7]],
    }
    for number, labels in enumerate((table, table.drop(columns=["age_min", "age_max"]))):
        folder = tmp_path / str(number)
        folder.mkdir()
        splits = {"train": labels, "validation": labels[:1], "test": labels[:1]}
        write_records(folder, 1, splits, [b"rgb"] * 6, 9)
        if number:
            expected["age"][1] = [24.5, 24.5]
        ((_, first),) = photos(folder, "train", 4, ["gender", "age"])
        ((_, second),) = embeddings(np.zeros((4, 1)), labels, 4, ["gender", "age"])
        for task, values in expected.items():
            np.testing.assert_array_equal(first[task], values)
            np.testing.assert_array_equal(second[task], values)


def test_changes_are_a_function_of_seed_epoch_and_batch(tmp_path: Path) -> None:
    write_tfrecords(tmp_path, {"train": IMAGES.numpy()})
    change = transform(Augmentation.parse(NOTHING | SOME))
    assert transform(Augmentation.parse(NOTHING)) is None

    epoch = EpochNumber()
    epoch.set(2)
    ours, others = (
        training_photos(tmp_path, "train", 32, [], seed, epoch, change) for seed in (1, 2)
    )

    def shown(dataset: tf.data.Dataset) -> np.ndarray:
        return np.concatenate([images.numpy() for images, _ in dataset])

    first, other = shown(ours), shown(others)
    assert first.shape == IMAGES.shape and first.dtype == np.float32
    assert first.min() >= 0 and first.max() <= 255
    epoch.set(3)
    assert (first != other).any() and (first != shown(ours)).any()
    epoch.set(2)
    assert (first == shown(ours)).all()
    one, another = (augment(IMAGES, Augmentation.parse(NOTHING | SOME), (5, n)) for n in (0, 1))
    assert np.any(one != another)


def changed(images: np.ndarray, **some: object) -> np.ndarray:
    return np.asarray(augment(tf.constant(images), Augmentation.parse(NOTHING | some), (1, 0)))


def bright(*places: tuple[int, int]) -> np.ndarray:
    """500 black photos of 33 pixels a side with a bright spot of 3 at each (row, column)."""
    images = np.zeros((500, 33, 33, 3), np.uint8)
    for row, column in places:
        images[:, row - 1 : row + 2, column - 1 : column + 2] = 200
    return images


def found(images: np.ndarray) -> np.ndarray:
    """Where the brightness of each photo has its center, (row, column) from the photo's middle."""
    light = images.sum(axis=3)
    places = np.stack(np.meshgrid(*[np.arange(33) - 16] * 2, indexing="ij"), axis=-1)
    return np.tensordot(light, places, 2) / light.sum(axis=(1, 2))[:, None]


def test_photos_are_moved_every_way_and_no_further_than_allowed() -> None:
    flipped = changed(IMAGES.numpy(), flip=True)
    straight, turned = (
        np.isclose(flipped, images, atol=0.01).all(axis=(1, 2, 3))
        for images in (IMAGES, IMAGES[:, :, ::-1])
    )
    assert (straight ^ turned).all() and 16 <= turned.sum() <= 48

    centers = found(changed(bright((16, 16)), shift=0.2))
    assert np.abs(centers).max() <= 0.2 * 33 + 0.01
    # To all four sides, nearly as far as allowed, in both directions independently.
    assert (centers.max(axis=0) > 6).all() and (centers.min(axis=0) < -6).all()
    assert np.abs(np.corrcoef(centers.T)[0, 1]) < 0.2

    centers = found(changed(bright((16, 26)), rotation=20))
    np.testing.assert_allclose(np.hypot(*centers.T), 10, atol=0.3)
    degrees = np.degrees(np.arctan2(*centers.T))
    assert 18 < degrees.max() <= 21 and -21 <= degrees.min() < -18

    # One after the other: the center of both would tell of neither.
    down = found(changed(bright((24, 16)), zoom=0.3))
    across = found(changed(bright((16, 24)), zoom=0.3))
    np.testing.assert_allclose(down, across[:, ::-1], atol=0.01)
    np.testing.assert_allclose(down[:, 1], 0, atol=0.01)
    assert 8 / 1.3 - 0.2 < down[:, 0].min() < 6.5 and 10.5 < down[:, 0].max() < 8 / 0.7 + 0.2


def test_brightness_moves_the_mean_and_contrast_keeps_it() -> None:
    random = np.random.default_rng(0)
    images = random.integers(100, 150, (500, 8, 8, 3)).astype(np.uint8)
    before = images.astype(np.float32)
    moved = changed(images, brightness=0.2) - before
    # Every pixel of a photo alike.
    assert np.ptp(moved, axis=(1, 2, 3)).max() < 0.01
    assert 50 < moved.max() <= 51.01 and -51.01 <= moved.min() < -50
    spread = changed(images, contrast=0.5)
    np.testing.assert_allclose(spread.mean(axis=(1, 2)), before.mean(axis=(1, 2)), atol=0.01)
    ratios = spread.std(axis=(1, 2, 3)) / before.std(axis=(1, 2, 3))
    assert 0.49 < ratios.min() < 0.55 and 1.45 < ratios.max() < 1.51


def test_photos_are_degraded_as_often_as_asked_and_differently() -> None:
    random = np.random.default_rng(0)
    # Smooth, with one sharp edge, and in color.
    ramp = np.linspace(60, 190, 64)[:, None, None] * np.array([1.0, 0.8, 0.6])
    images = np.repeat(np.broadcast_to(ramp, (64, 64, 3))[None], 300, axis=0)
    images[:, :, 32:] *= 0.5
    images = (images + random.uniform(-2, 2, images.shape)).astype(np.uint8)
    before = images.astype(np.float32)

    def steepest(photos: np.ndarray) -> np.ndarray:
        return np.abs(np.diff(photos.mean(axis=(1, 3)), axis=1)).max(axis=1)

    for name in ("blur", "sharpen", "downscale", "noise", "jpeg", "grayscale"):
        some = changed(images, **{name: 0.3})
        touched = (some != before).any(axis=(1, 2, 3))
        assert 60 <= touched.sum() <= 120, name
        every = changed(images, **{name: 1.0})
        assert every.min() >= 0 and every.max() <= 255, name
        # The same photo, and no two alike but where nothing is drawn.
        np.testing.assert_allclose(every.mean(axis=(1, 2, 3)), before.mean(), atol=6)
        assert len({photo.tobytes() for photo in every[:, 0]}) > (1 if name != "grayscale" else 0)
    edge = steepest(before)[0]
    assert np.median(steepest(changed(images, blur=1.0))) < 0.8 * edge
    assert np.median(steepest(changed(images, sharpen=1.0))) > 1.2 * edge
    smaller = steepest(changed(images, downscale=1.0))
    assert smaller.min() < 0.4 * edge and smaller.max() > 0.8 * edge
    gray = changed(images, grayscale=1.0)
    assert np.ptp(gray, axis=3).max() < 0.01
    tinted = (changed(images, color=0.2) / before).mean(axis=(1, 2))
    assert 0.79 < tinted.min() < 0.82 and 1.15 < tinted.max() < 1.21
    assert np.ptp(tinted, axis=1).max() > 0.2


def test_erasing_grays_a_rectangle() -> None:
    images = np.full((500, 64, 64, 3), 10, np.uint8)
    some = changed(images, erasing=0.25)
    assert 75 < (some != 10).any(axis=(1, 2, 3)).sum() < 175
    erased = changed(images, erasing=1.0)
    assert set(np.unique(erased)) == {10, 127.5}
    gray = (erased == 127.5).all(axis=3)
    sides = [gray.any(axis=axis).sum(axis=1) for axis in (2, 1)]
    area = gray.sum(axis=(1, 2))
    # Only a rectangle has as many pixels as its sides promise.
    assert (area == sides[0] * sides[1]).all()
    # A rectangle between two pixels covers one more or one less a side.
    low, high = ((np.sqrt(share) * 64 + off) ** 2 for share, off in ((0.02, -2), (0.25, 2)))
    assert low <= area.min() and area.max() <= high
    assert 0.11 < area.mean() / 64**2 < 0.16


def test_a_photo_goes_through_all_its_views_before_one_comes_again() -> None:
    rows = np.arange(60, dtype=np.float32)[:, np.newaxis]
    seen: dict[int, list[int]] = {photo: [] for photo in range(20)}
    epoch = EpochNumber()
    dataset = embeddings(rows, labels(20), 8, ["age"], 1, epoch)
    for number in range(6):
        epoch.set(number)
        for features, wanted in dataset:
            pairs = zip(features.numpy()[:, 0], wanted["age"].numpy()[:, 0], strict=True)
            for row, photo in pairs:
                assert row % 20 == photo
                seen[int(photo)].append(int(row) // 20)
    assert all(set(some[:3]) == {0, 1, 2} and some[:3] == some[3:] for some in seen.values())
    starts = [some[0] for some in seen.values()]
    assert set(starts) == {0, 1, 2}
    # Not by the numbers that draw the order of the first epoch.
    assert starts != generator(1, 0).integers(3, size=20).tolist()


def test_feature_maps_are_shifted_in_training_alone() -> None:
    maps = np.zeros((12, 5, 5, 1), np.float32)
    maps[:, 2, 2, 0] = 1 + np.arange(12)
    places = set()
    epoch = EpochNumber()
    shifted = embeddings(maps, labels(6), 4, ["age"], 1, epoch, 1)
    for number in range(20):
        epoch.set(number)
        for features, wanted in shifted:
            for feature, age in zip(features.numpy(), wanted["age"].numpy()[:, 0], strict=True):
                assert feature.max() in (1 + age, 7 + age)
                places.add(tuple(int(i) for i in np.argwhere(feature)[0][:2]))
    assert places == {(y, x) for y in (1, 2, 3) for x in (1, 2, 3)}
    (plain,) = embeddings(maps, labels(6), 6, ["age"], feature_shift=1)
    assert (plain[0].numpy() == maps[:6]).all()


@pytest.mark.parametrize(
    ("has_bfloat16", "unfreeze", "bytes_of_one"),
    [(True, "none", 512 * 4), (False, "block4", 4096 * 2)],
)
def test_embeddings_on_disk_are_those_of_the_frozen_layers(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_bfloat16: bool,
    unfreeze: str,
    bytes_of_one: int,
) -> None:
    monkeypatch.setattr(device, "has_bfloat16", lambda: has_bfloat16)
    images = IMAGES[:7].numpy()
    write_tfrecords(tmp_path / "records", {"train": images})
    model = Backbone(32, unfreeze, None, "bfloat16").model()
    target = tmp_path / "train.npy"
    embed(model, tmp_path / "records", "train", target, 4, [identity, flip_horizontal])
    rows = np.load(target, "r")
    assert len(rows) == 14 and rows[0].nbytes == bytes_of_one
    for some, shown in ((rows, images), (np.array(rows)[7:], images[:, :, ::-1])):
        dataset = embeddings(some, labels(7), 3, ["age"])
        got = np.concatenate([features for features, _ in dataset])
        assert got.dtype == np.float32
        expected = keras.ops.convert_to_numpy(model(shown.astype(np.float32))).astype(np.float32)
        np.testing.assert_allclose(got, expected, rtol=0.05, atol=expected.max() / 100)


def test_embedding_that_was_stopped_ends_in_the_same_bytes(tmp_path: Path) -> None:
    write_tfrecords(tmp_path / "records", {"train": IMAGES[:40].numpy()})
    keras.utils.set_random_seed(5)
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3, strides=8)(image))
    seen = views(2, Augmentation.parse(NOTHING), seed=1)
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole, stopped = tmp_path / "whole/train.npy", tmp_path / "stopped/train.npy"
    embed(model, tmp_path / "records", "train", whole, 1, seen)
    assert np.load(whole).shape == (80, 4, 4, 2)
    assert saved_state(stopped.parent) == ""

    def broken(images: tf.Tensor, number: int) -> tf.Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        # In the second view, after batches that are safe on disk and some that are not.
        embed(model, tmp_path / "records", "train", stopped, 1, [identity, broken])
    # 40 photos of one view, in two parts of 16; views are not photos.
    assert saved_state(stopped.parent) == "32 embeddings are saved"
    with stopped.with_suffix(".partial").open("ab") as file:
        file.write(b"more, of which no position tells")
    embed(model, tmp_path / "records", "train", stopped, 1, seen)
    assert stopped.read_bytes() == whole.read_bytes()
    assert [path.name for path in stopped.parent.iterdir()] == ["train.npy"]


def test_the_first_view_is_the_photo_and_the_second_its_mirror_image() -> None:
    options = Augmentation.parse(NOTHING | {"brightness": 0.5})
    made = [np.asarray(view(IMAGES, 0)) for view in views(4, options, seed=1)]
    assert (made[0] == IMAGES.numpy()).all()
    assert (made[1] == IMAGES.numpy()[:, :, ::-1]).all()
    assert len(made) == 4 and (made[2] != made[0]).any()
    assert len(views(1, options, seed=1)) == 1
