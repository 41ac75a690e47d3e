"""The networks: their parameters, what a saved model promises, training that resumes."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import keras
import numpy as np
import pytest

from agegender.dataset.example import Example
from agegender.dataset.records import shard_name, write_index, write_shard
from agegender.errors import UserError
from agegender.networks import custom, vgg16
from agegender.networks.batches import embeddings
from agegender.networks.describe import layers, parameter_counts
from agegender.networks.embedding import embed, saved_photos
from agegender.networks.network import Network
from agegender.networks.predict import load
from agegender.networks.progress import Progress
from agegender.networks.saving import save
from agegender.networks.training import Epoch, train
from agegender.networks.vgg16 import load_weights

BOTH = ["gender", "age"]


def counted(model: keras.Model) -> dict[str, int]:
    return {row["name"]: row["parameters"] for row in layers(model) if row["parameters"]}


def small(tasks: list[str] = BOTH) -> Network:
    keras.utils.set_random_seed(3)
    return custom.build(32, tasks, [4, 8], [8], 0.5)


def test_the_custom_cnn_has_the_source_reports_parameters() -> None:
    model = custom.build(128, BOTH, [32, 64, 128, 256], [256, 128], 0.5).saved
    assert counted(model) == {
        "conv1": 896,
        "conv2": 18_496,
        "conv3": 73_856,
        "conv4": 295_168,
        "dense1": 4_194_560,
        "dense2": 32_896,
        "gender": 129,
        "age": 129,
    }
    assert parameter_counts(model) == {"total": 4_616_130, "trainable": 4_616_130}
    formulas = {row["name"]: row["formula"] for row in layers(model)}
    assert formulas["conv2"] == "(3·3·32 + 1)·64"
    assert formulas["dense1"] == "(16384 + 1)·256"


def test_heads_on_256_units_have_257_parameters() -> None:
    model = custom.build(128, BOTH, [32, 64, 128, 256], [256], 0.5).saved
    assert (counted(model)["gender"], counted(model)["age"]) == (257, 257)


@pytest.mark.parametrize(
    ("tasks", "total", "trainable"),
    [(["gender"], 14_846_273, 131_585), (BOTH, 14_846_530, 131_842)],
)
def test_vgg16_has_the_source_reports_parameters(
    tasks: list[str], total: int, trainable: int
) -> None:
    base = vgg16.base(128, "none", weights=None)
    model = vgg16.build(base, 128, tasks, [256], 0.5).saved
    assert parameter_counts(model) == {"total": total, "trainable": trainable}
    assert total - trainable == 14_714_688


@pytest.mark.parametrize(("unfreeze", "cut"), [("block5", (2, 2, 512)), ("block4", (4, 4, 256))])
def test_both_sides_of_the_cut_make_the_whole(unfreeze: str, cut: tuple[int, ...]) -> None:
    base = vgg16.base(32, unfreeze, weights=None)
    network = vgg16.build(base, 32, BOTH, [8], 0.5)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    embedded = vgg16.embedder(base, 32).predict(images, verbose=0)
    assert embedded.shape[1:] == cut
    halves = network.trained.predict(embedded, verbose=0)
    whole = network.saved.predict(images, verbose=0)
    np.testing.assert_allclose(halves["gender"], whole["gender"], rtol=1e-4)
    assert not any(layer.trainable_weights for layer in base.frozen)


def test_vgg16_sees_the_pixels_that_it_was_trained_on() -> None:
    network = vgg16.build(vgg16.base(32, "none", weights=None), 32, BOTH, [8], 0.5)
    scaled = keras.Model(network.saved.input, network.saved.get_layer("scale").output)
    image = np.full((1, 32, 32, 3), (10, 20, 30), np.float32)
    expected = keras.applications.vgg16.preprocess_input(image.copy())
    np.testing.assert_allclose(scaled.predict(image, verbose=0), expected, rtol=1e-5)


def test_a_saved_model_stands_alone_and_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        save(small().saved, tmp_path / f"{name}.keras")
    first = (tmp_path / "first.keras").read_bytes()
    assert first == (tmp_path / "second.keras").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.keras", "second.keras"]

    program = """
import keras, numpy as np
model = keras.models.load_model("first.keras", safe_mode=True)
for dtype in ("uint8", "float32"):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(dtype)
    answers = model(images)
    assert set(answers) == {"gender", "age"}, answers
    assert all(value.shape == (3, 1) for value in answers.values())
    assert 0 <= np.min(answers["gender"]) and np.max(answers["gender"]) <= 1
    assert 0 <= np.min(answers["age"]) and np.max(answers["age"]) <= 116
try:
    import agegender
except ModuleNotFoundError:
    print("alone")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == "alone", ran.stderr


@pytest.mark.parametrize("tasks", [["gender", "age"], ["gender"], ["age"]])
def test_training_that_was_stopped_ends_in_the_same_weights(
    tmp_path: Path, tasks: list[str]
) -> None:
    random = np.random.default_rng(1)
    photos = random.normal(size=(50, 16)).astype(np.float32)
    labels = np.stack([random.integers(0, 2, 50), random.integers(0, 117, 50)], 1)
    labels = labels.astype(np.float32)

    def run(folder: Path, stop_after: int | None = None) -> tuple[list[np.ndarray], list[Epoch]]:
        keras.utils.set_random_seed(5)
        vector = keras.Input((16,))
        from agegender.networks.heads import Head

        model = keras.Model(vector, Head(tasks, [8], 0.5)(vector))
        seen: list[Epoch] = []

        def on_epoch(values: Epoch) -> None:
            seen.append(values)
            if len(seen) == stop_after:
                raise KeyboardInterrupt

        with closing(Progress(folder)) as progress:
            train(
                model,
                lambda epoch: embeddings(photos, labels, 16, tasks, (7, epoch)),
                embeddings(photos, labels, 16, tasks),
                tasks,
                epochs=3,
                learning_rate=0.01,
                progress=progress,
                on_epoch=on_epoch,
                say=lambda line: None,
            )
        return model.get_weights(), seen

    whole, curves = run(tmp_path / "whole/key")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped/key", stop_after=2)
    resumed, resumed_curves = run(tmp_path / "stopped/key")
    assert all((a == b).all() for a, b in zip(whole, resumed, strict=True))
    assert curves == resumed_curves
    names = {"loss"}
    names |= {"gender_loss", "gender_accuracy"} if "gender" in tasks else set()
    names |= {"age_loss", "age_mae"} if "age" in tasks else set()
    assert set(curves[0]["train"]) == set(curves[0]["validation"]) == names
    losses = [curves[0]["validation"][f"{task}_loss"] for task in tasks]
    assert sum(losses) == pytest.approx(curves[0]["validation"]["loss"], rel=1e-4)


def test_progress_of_other_inputs_is_removed(tmp_path: Path) -> None:
    with closing(Progress(tmp_path / "stage/old")) as old:
        old.save([np.ones(2)], {"epochs": []})
    with closing(Progress(tmp_path / "stage/new")) as progress:
        assert progress.load() is None
        assert not old.folder.exists()
        progress.save([np.arange(3)], {"epochs": [1]})
        (progress.folder / "state.partial").write_bytes(b"half")
    again = Progress(tmp_path / "stage/new")
    kept = again.load()
    assert kept is not None
    assert kept[0][0].tolist() == [0, 1, 2]
    assert kept[1] == {"epochs": [1]}
    assert again.described() == "training is saved behind epoch 1"
    again.finish()
    assert not list((tmp_path / "stage").iterdir())


def test_progress_of_another_process_is_left_alone(tmp_path: Path) -> None:
    with closing(Progress(tmp_path / "stage/one")) as first:
        first.save([], {"epochs": [1]})
        same, other = Progress(tmp_path / "stage/one"), Progress(tmp_path / "stage/two")
        assert same.load() is None
        for each in (same, other):
            each.save([], {"epochs": [1, 2]})
            each.finish()
        assert [first.folder] == list((tmp_path / "stage").iterdir())
        assert first.described() == "training is saved behind epoch 1"


def test_embedding_that_was_stopped_ends_in_the_same_bytes(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    shards = {}
    for split, count in {"train": 40, "validation": 1, "test": 1}.items():
        photos = [
            Example(random.bytes(3 * 32**2), f"{number}.jpg", number, number % 2, 0)
            for number in range(count)
        ]
        shards[split] = [write_shard(tmp_path / shard_name(split, 0, 1), photos)]
    write_index(tmp_path, 32, shards)
    keras.utils.set_random_seed(5)
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3, strides=8)(image))

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    embed(model, tmp_path, "train", tmp_path / "whole", 1, say=lambda line: None)
    assert saved_photos(tmp_path / "stopped") == ""
    with pytest.raises(KeyboardInterrupt):
        embed(model, tmp_path, "train", tmp_path / "stopped", 1, say=stop)
    assert saved_photos(tmp_path / "stopped") == "the embeddings of 16 photos are saved"
    with (tmp_path / "stopped/train.partial").open("ab") as file:
        file.write(b"more, of which no position tells")
    said: list[str] = []
    embed(model, tmp_path, "train", tmp_path / "stopped", 1, say=said.append)
    assert said[0] == "train: resuming behind photo 16 of 40"
    names = ["train.labels.npy", "train.npy"]
    for folder in ("whole", "stopped"):
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == names
    for name in names:
        content = [(tmp_path / folder / name).read_bytes() for folder in ("whole", "stopped")]
        assert content[0] == content[1]
    assert np.load(tmp_path / "whole/train.npy").shape == (40, 4, 4, 2)


def test_a_disk_that_is_full_leaves_the_progress_before(tmp_path: Path) -> None:
    with closing(Progress(tmp_path / "stage/key")) as progress:
        progress.save([np.arange(3)], {"epochs": [1]})
        (progress.folder / "state.partial").symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left"):
            progress.save([np.arange(4)], {"epochs": [1, 2]})
        assert progress.described() == "training is saved behind epoch 1"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04"])
def test_spoilt_models_and_weights_are_named(tmp_path: Path, content: bytes) -> None:
    for name, read in {"custom.keras": load, "vgg16.npz": load_weights}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} .*damaged"):
            read(tmp_path / name)
    with pytest.raises(UserError, match="is missing"):
        load(tmp_path / "other.keras")


def test_spoilt_progress_is_not_used(tmp_path: Path) -> None:
    with closing(Progress(tmp_path / "stage/key")) as progress:
        progress.save([np.arange(100)], {"epochs": [1]})
        state = progress.folder / "state.npz"
        whole = state.read_bytes()
        for spoilt in (whole[:-9], b"", whole[:300] + b"xx" + whole[302:]):
            state.write_bytes(spoilt)
            assert progress.load() is None
            assert progress.described() == ""
