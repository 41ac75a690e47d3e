"""The networks: their parameters, what a saved model promises, training that resumes."""

import math
import platform
import subprocess
import sys
import weakref
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import NormalDist
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml

from agegender.augmentation.augmentation import augment, of_epoch
from agegender.augmentation.parameters import Augmentation
from agegender.common.errors import UserError
from agegender.custom import network as custom
from agegender.custom.parameters import TrainCustom
from agegender.evaluation.describe import layers, parameter_counts
from agegender.evaluation.predict import load
from agegender.networks import precision
from agegender.networks.batches import embeddings, generator, photos
from agegender.networks.network import Network, with_weights
from agegender.networks.progress import Progress
from agegender.training import objective
from agegender.training.heads import Head
from agegender.training.normalization import FusedBatchNormalization
from agegender.training.objective import soft_labels
from agegender.training.optimizer import optimizer
from agegender.training.saving import save
from agegender.training.training import Epoch, History, train_members
from agegender.vgg16 import network as vgg16
from agegender.vgg16.frozen import backbone as vgg16_base
from agegender.vgg16.frozen.backbone import load_weights
from agegender.vgg16.frozen.embedding import embed, saved_photos, views
from agegender.vgg16.normalized import calibrate
from agegender.vgg16.parameters import TrainVgg16
from tests.clones import ROOT
from tests.tfrecords import write_tfrecords

BOTH = ["gender", "age"]
DEFAULTS = yaml.safe_load((ROOT / "params.yaml").read_text())


def custom_options(**changed: object) -> TrainCustom:
    return TrainCustom.parse(DEFAULTS["train_custom"] | changed)


def vgg16_options(**changed: object) -> TrainVgg16:
    return TrainVgg16.parse(DEFAULTS["train_vgg16"] | changed)


def counted(model: keras.Model) -> dict[str, int]:
    return {row["name"]: row["parameters"] for row in layers(model) if row["parameters"]}


def small(**changed: object) -> Network:
    keras.utils.set_random_seed(3)
    return custom.build(custom_options(filters=[4, 8], dense_units=[8], **changed), 32, BOTH)


def test_the_custom_cnn_has_the_source_reports_parameters() -> None:
    model = custom.build(custom_options(), 128, BOTH).saved
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
    assert parameter_counts(model) == {"total": 4_616_130, "trainable": 4_616_130, "frozen": 0}
    formulas = {row["name"]: row["formula"] for row in layers(model)}
    assert formulas["conv2"] == "(3·3·32 + 1)·64"
    assert formulas["dense1"] == "(16384 + 1)·256"


@pytest.mark.parametrize(
    "changed",
    [{}, {"convs_per_block": 2, "batch_normalization": True, "age_head": "distribution"}],
)
def test_every_formula_counts_its_layers_parameters(changed: dict[str, Any]) -> None:
    base = vgg16_base.base(32, "block5", weights=None)
    options = vgg16_options(**{name: changed[name] for name in changed if name != "convolutions"})
    for model in (small(**changed).saved, vgg16.build(options, base, 32, BOTH).saved):
        for row in layers(model):
            by_formula = eval(row["formula"].replace("·", "*") or "0")
            assert by_formula == row["parameters"], row


def test_heads_on_256_units_have_257_parameters() -> None:
    model = custom.build(custom_options(dense_units=[256]), 128, BOTH).saved
    assert (counted(model)["gender"], counted(model)["age"]) == (257, 257)


@pytest.mark.parametrize(
    ("tasks", "total", "trainable"),
    [(["gender"], 14_846_273, 131_585), (BOTH, 14_846_530, 131_842)],
)
def test_vgg16_has_the_source_reports_parameters(
    tasks: list[str], total: int, trainable: int
) -> None:
    base = vgg16_base.base(128, "none", weights=None)
    model = vgg16.build(vgg16_options(), base, 128, tasks).saved
    assert parameter_counts(model) == {
        "total": total,
        "trainable": trainable,
        "frozen": total - trainable,
    }
    assert total - trainable == 14_714_688


def test_members_are_trained_by_seeds_of_their_own_wherever_it_stops(tmp_path: Path) -> None:
    alone, curves = trained(tmp_path / "alone/key", **EVERYTHING)
    whole, whole_curves = trained(tmp_path / "whole/key", members=3, **EVERYTHING)
    count = len(alone)
    assert len(whole) == 3 * count and whole_curves == curves
    first, second, third = whole[:count], whole[count : 2 * count], whole[2 * count :]
    assert all((a == b).all() for a, b in zip(first, alone, strict=True))
    for one, other in ((first, second), (first, third), (second, third)):
        assert not any((a == b).all() for a, b in zip(one, other, strict=True) if a.ndim == 2)
    folder = tmp_path / "stopped/key"
    # Behind the first epoch of the second member, then of the third.
    for stop, told in ((4, "behind epoch 1 of member 2"), (3, "behind epoch 1 of member 3")):
        with pytest.raises(KeyboardInterrupt):
            trained(folder, members=3, stop_after=stop, **EVERYTHING)
        with closing(Progress(folder)) as progress:
            assert progress.described(3) == f"training is saved {told}"
    # What a disk has spoilt is not counted.
    with closing(Progress(folder)) as progress:
        state = progress.folder / "state2.npz"
        whole_state = state.read_bytes()
        state.write_bytes(whole_state[:100])
        assert progress.described(3) == "training is saved behind epoch 3 of member 2"
        state.write_bytes(whole_state)
    resumed, resumed_curves = trained(folder, members=3, **EVERYTHING)
    assert resumed_curves == curves
    assert all((a == b).all() for a, b in zip(resumed, whole, strict=True))


def test_a_member_is_gone_before_the_next_is_trained(tmp_path: Path) -> None:
    weights: list[weakref.ref[keras.Variable]] = []
    alive: list[int] = []

    def built(network: Network) -> None:
        alive.append(sum(weight() is not None for weight in weights))
        weights.extend(weakref.ref(weight) for weight in network.trained.trainable_variables)

    trained(tmp_path / "key", members=3, epochs=1, ema_momentum=0.9, built=built)
    assert len(weights) >= 3 and alive == [0, 0, 0]


def members_of(model: str, number: int) -> tuple[Network, list[list[np.ndarray]]]:
    """A network to be saved, and weights for each of its members."""
    changed = {
        "ensemble_size": number,
        "dense_units": [8],
        "batch_normalization": True,
        "tta_zooms": [1.1],
    }
    keras.utils.set_random_seed(3)
    if model == "custom":
        network = custom.build(custom_options(filters=[4, 8], **changed), 32, BOTH, to_save=True)
    else:
        options = vgg16_options(unfreeze="block5", backbone_batch_normalization=True, **changed)
        layers = vgg16.layers(options, 32, None, to_save=True)
        network = vgg16.build(options, layers, 32, BOTH, to_save=True)
    return network, [member.get_weights() for member in network.members]


@pytest.mark.parametrize("model", ["custom", "vgg16"])
def test_a_saved_model_answers_with_the_mean_of_its_members(tmp_path: Path, model: str) -> None:
    network, weights = members_of(model, 3)
    save(with_weights(weights, network), tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    alone, _ = members_of(model, 1)
    # What is frozen has no weights among a member's.
    for layer in alone.saved.layers:
        if not layer.trainable:
            layer.set_weights(network.saved.get_layer(layer.name).get_weights())
    answers = []
    for own in weights:
        answers.append(with_weights([own], alone)(images))
    for task, mean in loaded(images).items():
        each = np.stack([answer[task] for answer in answers])
        assert each.std(axis=0).min() > 1e-6
        np.testing.assert_allclose(mean, each.mean(axis=0), rtol=1e-4)
    counts = parameter_counts(network.saved), parameter_counts(alone.saved)
    assert counts[0]["trainable"] == 3 * counts[1]["trainable"]
    names = [row["name"] for row in layers(network.saved)]
    assert names.count("block1_conv1") == (model == "vgg16")


@pytest.mark.parametrize(("unfreeze", "cut"), [("block5", (2, 2, 512)), ("block4", (4, 4, 256))])
def test_both_sides_of_the_cut_make_the_whole(unfreeze: str, cut: tuple[int, ...]) -> None:
    base = vgg16_base.base(32, unfreeze, weights=None)
    network = vgg16.build(vgg16_options(dense_units=[8]), base, 32, BOTH)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    embedded = vgg16_base.embedder(base, 32).predict(images, verbose=0)
    assert embedded.shape[1:] == cut
    halves = network.trained.predict(embedded, verbose=0)
    whole = network.saved.predict(images, verbose=0)
    np.testing.assert_allclose(halves["gender"], whole["gender"], rtol=1e-4)
    assert not any(layer.trainable_weights for layer in base.frozen)


def through(layers: Sequence[keras.layers.Layer], x: np.ndarray) -> np.ndarray:
    for layer in layers:
        x = layer(x)
    return np.asarray(x)


def test_batch_normalisation_in_vgg16_changes_nothing_to_begin_with(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 32, 32, 3)).astype(np.float32)
    weights = {}
    for layer in vgg16_base.base(32, "none", weights=None).frozen:
        if layer.weights:
            kernel, bias = layer.get_weights()
            weights[f"{layer.name}/kernel"] = kernel
            weights[f"{layer.name}/bias"] = random.normal(0, 5, bias.shape).astype(np.float32)
    plain = vgg16_base.base(32, "block4", weights)
    embedded = vgg16_base.embedder(plain, 32).predict(images, verbose=0)
    expected = through(plain.above, embedded)

    options = vgg16_options(
        unfreeze="block4", backbone_batch_normalization=True, dense_units=[8], tta_flip=True
    )
    layers = vgg16.layers(options, 32, weights)
    calibrate(layers, weights, embedded)
    features = through(layers.above, embedded)
    used = expected.std(axis=0) > 0
    assert used.sum() > 100
    # The same but for each channel's unit.
    unit = features[:, used].std(axis=0) / expected[:, used].std(axis=0)
    np.testing.assert_allclose(features[:, used], expected[:, used] * unit, rtol=1e-3, atol=1e-4)

    network = vgg16.build(options, layers, 32, BOTH)
    assert {variable.path for variable in network.pretrained} == {
        f"block{block}_conv{place}/kernel" for block in (4, 5) for place in (1, 2, 3)
    }
    to_save = vgg16.build(options, vgg16.layers(options, 32, weights, True), 32, BOTH, to_save=True)
    save(with_weights([network.trained.get_weights()], to_save), tmp_path / "vgg16.keras")
    loaded = keras.models.load_model(tmp_path / "vgg16.keras", safe_mode=True)
    np.testing.assert_allclose(loaded(images)["gender"], network.saved(images)["gender"], rtol=1e-3)


@pytest.mark.parametrize("has_bfloat16", [True, False])
@pytest.mark.parametrize(("unfreeze", "kept"), [("none", 512 * 4), ("block4", 4096 * 2)])
def test_embeddings_on_disk_are_those_of_the_frozen_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_bfloat16: bool, unfreeze: str, kept: int
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: has_bfloat16)
    records = tmp_path / "records"
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), np.uint8)
    write_tfrecords(records, {"train": images})
    base = vgg16_base.base(32, unfreeze, weights=None, precision="bfloat16")
    assert base.frozen[0].compute_dtype == ("bfloat16" if has_bfloat16 else "float32")
    model = vgg16_base.embedder(base, 32, "bfloat16")

    seen = views(2, Augmentation.parse(NOTHING), seed=1)
    embed(model, records, "train", tmp_path, "train", 4, seen, say=lambda line: None)
    whole = (tmp_path / "train.npy").read_bytes()
    header = len(whole) - 14 * kept
    # An interrupted run goes on behind what it had written, here in the midst of the second view.
    (tmp_path / "train.npy").unlink()
    (tmp_path / "train.partial").write_bytes(whole[: header + 11 * kept] + b"half")
    (tmp_path / "train.position").write_text("11")
    embed(model, records, "train", tmp_path, "train", 4, seen, say=lambda line: None)
    assert (tmp_path / "train.npy").read_bytes() == whole

    labels = np.load(tmp_path / "train.labels.npy")
    rows = np.load(tmp_path / "train.npy", "r")
    assert rows[0].nbytes == kept and len(rows) == 14 and labels[:, 1].tolist() == list(range(7))
    straight = list(embeddings(rows, labels, 3, BOTH))
    turned = list(embeddings(np.array(rows)[7:], labels, 3, BOTH))
    for batches, pixels in ((straight, images), (turned, images[:, :, ::-1])):
        got = np.concatenate([vectors for vectors, _ in batches])
        assert got.dtype == np.float32
        expected = keras.ops.convert_to_numpy(model(pixels.astype(np.float32))).astype(np.float32)
        np.testing.assert_allclose(got, expected, rtol=0.05, atol=expected.max() / 100)


def test_vgg16_answers_the_mirror_image_alike_where_that_is_asked_for() -> None:
    options = vgg16_options(tta_flip=True, batch_normalization=True, age_head="distribution")
    network = vgg16.build(options, vgg16_base.base(32, "block5", weights=None), 32, BOTH)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    for task, answer in network.saved(images).items():
        np.testing.assert_allclose(network.saved(images[:, :, ::-1])[task], answer, rtol=1e-5)


def test_an_answer_is_the_mean_over_the_sizes_that_are_asked_for(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    boxes = [[0.25, 0.25, 0.75, 0.75]] * 2
    twice = tf.image.crop_and_resize(images, boxes, [0, 1], (32, 32))
    weights = small().saved.get_weights()
    for mirror in (False, True):
        plain, zoomed = (
            small(tta_flip=mirror, tta_zooms=zooms).saved for zooms in ([], [1.0, 2.0])
        )
        for model in (plain, zoomed):
            model.set_weights(weights)
        save(zoomed, tmp_path / "zoomed.keras")
        zoomed = keras.models.load_model(tmp_path / "zoomed.keras", safe_mode=True)
        for task, answer in zoomed(images).items():
            expected = (2 * plain(images)[task] + plain(twice)[task]) / 3
            np.testing.assert_allclose(answer, expected, rtol=1e-4)


def test_vgg16_sees_the_pixels_that_it_was_trained_on() -> None:
    network = vgg16.build(vgg16_options(), vgg16_base.base(32, "none", weights=None), 32, BOTH)
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


PHOTOS = np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32)
LABELS = np.stack(
    [np.random.default_rng(2).integers(0, top, 50).astype(np.float32) for top in (2, 117)], 1
)
EVERYTHING: dict[str, Any] = {
    "schedule": "cosine",
    "warmup_epochs": 1,
    "weight_decay": 0.1,
    "label_smoothing": 0.1,
    "age_weight": 0.5,
    "ema_momentum": 0.9,
    "restore_best_weights": True,
}


def trained(
    folder: Path,
    tasks: list[str] = BOTH,
    stop_after: int | None = None,
    built: Callable[[Network], None] = lambda network: None,
    **changed: object,
) -> tuple[list[np.ndarray], list[Epoch]]:
    """The weights and the curves of a head on vectors, stopped from outside behind an epoch."""
    options = custom_options(
        **{"dense_units": [8], "dropout": 0.5, "batch_size": 16, "epochs": 3, **changed}
    )

    def build() -> Network:
        vector = keras.Input((16,))
        head = Head(tasks, options)
        raw = head(vector)
        network = Network([keras.Model(vector, raw)], keras.Model(vector, head.finish(raw)))
        built(network)
        return network

    seen: list[Epoch] = []
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if sum(line.startswith("epoch") for line in said) == stop_after:
            raise KeyboardInterrupt

    with closing(Progress(folder)) as progress:
        members, _ = train_members(
            build,
            lambda seed, epoch: embeddings(
                PHOTOS, LABELS, options.batch_size, tasks, (seed, epoch)
            ),
            embeddings(PHOTOS, LABELS, 16, tasks),
            tasks,
            options,
            7,
            progress,
            seen.append,
            say,
        )
    return [values for weights in members for values in weights], seen


@pytest.mark.parametrize(
    ("tasks", "changed"),
    [
        (["gender", "age"], {}),
        (["gender"], {"ema_momentum": 0.9}),
        (["age"], {"restore_best_weights": True}),
        (["gender", "age"], {"age_head": "distribution", "age_estimate": "median", **EVERYTHING}),
    ],
)
def test_training_that_was_stopped_ends_in_the_same_weights(
    tmp_path: Path, tasks: list[str], changed: dict[str, Any]
) -> None:
    whole, curves = trained(tmp_path / "whole/key", tasks, **changed)
    # Behind an epoch, and behind all of them but before the model is saved.
    for stop in (2, 3):
        folder = tmp_path / f"stopped{stop}/key"
        with pytest.raises(KeyboardInterrupt):
            trained(folder, tasks, stop_after=stop, **changed)
        resumed, resumed_curves = trained(folder, tasks, **changed)
        assert all((a == b).all() for a, b in zip(whole, resumed, strict=True))
        assert curves == resumed_curves
    names = {"loss"}
    names |= {"gender_loss", "gender_accuracy"} if "gender" in tasks else set()
    names |= {"age_loss", "age_mae"} if "age" in tasks else set()
    assert set(curves[0]["train"]) == set(curves[0]["validation"]) == names
    if not changed:
        losses = [curves[0]["validation"][f"{task}_loss"] for task in tasks]
        assert sum(losses) == pytest.approx(curves[0]["validation"]["loss"], rel=1e-4)


def test_training_stops_early_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    # So fast that it gets worse at once.
    wild: dict[str, Any] = {"learning_rate": 3.0, "epochs": 20, "dropout": 0.0}
    best, curves = trained(tmp_path / "a/key", patience=2, restore_best_weights=True, **wild)
    history = History(curves)
    assert len(curves) == history.best + 3 < 20
    # The best epoch's weights are those of a training that ended there.
    ended, _ = trained(tmp_path / "b/key", **(wild | {"epochs": history.best + 1}))
    assert all((a == b).all() for a, b in zip(best, ended, strict=True))
    last, _ = trained(tmp_path / "c/key", patience=2, **wild)
    assert any((a != b).any() for a, b in zip(best, last, strict=True))


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    def best(*losses: float) -> int:
        return History([{"validation": {"loss": loss}} for loss in losses]).best

    assert best(math.nan, 3, 2, 2, math.nan) == 2
    assert best(3, math.nan) == 0
    assert best(math.nan, math.nan) == 0


def test_averaged_weights_are_those_that_validation_sees(tmp_path: Path) -> None:
    # An epoch of one step, so that what each step led to is known.
    plain = [
        trained(tmp_path / f"{epochs}/key", dropout=0.0, batch_size=50, epochs=epochs)
        for epochs in (1, 2, 3)
    ]
    averaged, curves = trained(
        tmp_path / "a/key", dropout=0.0, batch_size=50, epochs=3, ema_momentum=0.75
    )
    for epoch, (_, steps) in zip(curves, plain, strict=True):
        assert epoch["train"] == steps[-1]["train"]
    # Keras begins with the weights behind the first step.
    expected = plain[0][0]
    for weights, _ in plain:
        expected = [0.75 * a + 0.25 * b for a, b in zip(expected, weights, strict=True)]
    for got, wanted, last in zip(averaged, expected, plain[-1][0], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)
        assert not np.allclose(got, last, rtol=1e-4, atol=1e-6)

    hidden, answers = averaged[:2], averaged[2:]
    activated = np.maximum(PHOTOS @ hidden[0] + hidden[1], 0)
    # Keras sorts the answers by their names.
    age, gender = (activated @ answers[i] + answers[i + 1] for i in (0, 2))
    right = (gender[:, 0] >= 0) == LABELS[:, 0]
    seen = curves[-1]["validation"]
    assert seen["gender_accuracy"] == pytest.approx(right.mean())
    assert seen["age_mae"] == pytest.approx(np.abs(age[:, 0] - LABELS[:, 1]).mean(), rel=1e-4)


TRUTH = {"gender": [0, 1, 1, 0], "age": [0, 30, 60, 116]}
ANSWERS = {"gender": [0.1, 0.6, 0.2, 0.5], "age": [3, 25, 60, 100]}


def test_smoothed_labels_lie_nearer_to_the_middle() -> None:
    truth, answer = np.array(TRUTH["gender"]), np.array(ANSWERS["gender"])
    for smoothing in (0.0, 0.2):
        loss = objective.losses(BOTH, custom_options(label_smoothing=smoothing))["gender"]
        got = loss(tf.constant(truth[:, None], tf.float32), tf.constant(answer[:, None]))
        wanted = truth * (1 - smoothing) + smoothing / 2
        entropy = -(wanted * np.log(answer) + (1 - wanted) * np.log(1 - answer))
        np.testing.assert_allclose(got, entropy, rtol=1e-5)


def test_the_loss_is_the_weighted_sum() -> None:
    options = custom_options(gender_weight=3.0, age_weight=0.25)
    inputs = [keras.Input((1,)) for task in BOTH]
    model = keras.Model(inputs, dict(zip(BOTH, inputs, strict=True)))
    model.compile(
        loss=objective.losses(BOTH, options),
        loss_weights=objective.weights(BOTH, options),
        metrics=objective.metrics(BOTH, options),
    )
    given, truth = (
        {task: np.array(values[task], np.float32)[:, None] for task in BOTH}
        for values in (ANSWERS, TRUTH)
    )
    found = model.evaluate(list(given.values()), truth, verbose=0, return_dict=True)
    measured = objective.named(found, BOTH)
    entropy = -np.log([0.9, 0.6, 0.2, 0.5]).mean()
    assert measured["gender_loss"] == pytest.approx(entropy, rel=1e-5)
    assert measured["age_loss"] == measured["age_mae"] == pytest.approx(6)
    assert measured["loss"] == pytest.approx(3 * entropy + 0.25 * 6, rel=1e-5)


def test_the_learning_rate_rises_and_falls() -> None:
    options = custom_options(schedule="cosine", warmup_epochs=2, epochs=10, learning_rate=0.5)
    rate = optimizer(options, steps=5)._learning_rate
    rates = [float(rate(step)) for step in range(51)]
    assert rates[0] == 0 and max(rates) == rates[10] == 0.5
    assert rates[50] == pytest.approx(0, abs=1e-6)
    assert rates[30] == pytest.approx(0.25)


def test_pretrained_weights_change_more_slowly_and_do_not_decay() -> None:
    fast, slow = keras.Variable([1.0], name="fast"), keras.Variable([1.0], name="slow")
    bias = keras.Variable([1.0], name="bias")
    options = vgg16_options(learning_rate=0.1, weight_decay=0.5)
    adam = optimizer(options, 5, [slow], 0.001)
    adam.build([fast, slow, bias])
    adam.apply([keras.ops.zeros(1)] * 3)
    assert [float(v.numpy()[0]) for v in (slow, bias)] == [1, 1]
    assert float(fast.numpy()[0]) == pytest.approx(0.95)
    adam.apply([keras.ops.ones(1)] * 3)
    assert float(1 - slow.numpy()[0]) == pytest.approx((1 - float(bias.numpy()[0])) / 100, rel=1e-3)


def test_weight_decay_leaves_biases_and_normalisation_alone() -> None:
    layer = keras.Sequential(
        [
            keras.layers.Dense(2, bias_initializer="ones"),
            keras.layers.BatchNormalization(beta_initializer="ones"),
        ]
    )
    layer.build((None, 3))
    before = {variable.path: variable.numpy() for variable in layer.trainable_variables}
    adam = optimizer(custom_options(learning_rate=0.1, weight_decay=0.5), 5)
    adam.build(layer.trainable_variables)
    adam.apply([keras.ops.zeros_like(variable) for variable in layer.trainable_variables])
    names = {variable.name for variable in layer.trainable_variables}
    assert names == {"kernel", "bias", "gamma", "beta"}
    for variable in layer.trainable_variables:
        factor = 0.95 if variable.name == "kernel" else 1
        np.testing.assert_allclose(variable, before[variable.path] * factor, rtol=1e-6)


def test_a_distribution_answers_with_its_expectation() -> None:
    soft = np.asarray(soft_labels(np.array([[0.0], [30.0]]), 2.0))
    assert soft.sum(axis=1) == pytest.approx([1, 1])
    assert soft[1].argmax() == 30 and soft[1] @ np.arange(117) == pytest.approx(30, abs=1e-3)
    # Two years off is as likely as a normal distribution has it.
    assert soft[1][32] / soft[1][30] == pytest.approx(np.exp(-0.5), rel=1e-4)
    head = Head(["age"], custom_options(dense_units=[], dropout=0.0, age_head="distribution"))
    vector = keras.Input((117,))
    raw = head(vector)
    model = keras.Model(vector, head.finish(raw))
    model.get_layer("age_logits").set_weights([np.eye(117, dtype=np.float32), np.zeros(117)])
    answer = model(np.log(np.maximum(soft, 1e-30)))["age"]
    assert np.asarray(answer)[1, 0] == pytest.approx(30, abs=1e-3)
    assert np.asarray(answer).min() >= 0 and np.asarray(answer).max() <= 116


def test_a_distribution_answers_with_its_median(tmp_path: Path) -> None:
    soft = np.asarray(soft_labels(np.array([[0.0], [30.0], [116.0]]), 2.0))
    lopsided = 0.6 * soft[1] + 0.4 * np.eye(117)[90]
    rows = np.stack([*soft, lopsided, np.full(117, 1 / 117), np.eye(117)[7]]).astype(np.float32)
    head = Head(
        ["age"],
        custom_options(dense_units=[], dropout=0.0, age_head="distribution", age_estimate="median"),
    )
    vector = keras.Input((117,))
    model = keras.Model(vector, head.finish(head(vector)))
    model.get_layer("age_logits").set_weights([np.eye(117, dtype=np.float32), np.zeros(117)])
    save(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    answers = np.asarray(loaded(np.log(np.maximum(rows, 1e-30)))["age"])[:, 0]
    youngest, thirty, oldest, mixed, even, one = answers
    assert 0.5 < youngest < 2 and 114 < oldest < 115.5
    assert thirty == pytest.approx(30, abs=1e-3)
    # Below it lie five sixths of the normal distribution around 30; the mean would be 54.
    assert mixed == pytest.approx(30 + 2 * NormalDist().inv_cdf(5 / 6), abs=0.1)
    assert even == pytest.approx(58, abs=1e-3) and one == pytest.approx(7, abs=1e-3)


def test_a_mirrored_photo_has_the_same_answer_where_that_is_asked_for() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    for mirror in (True, False):
        model = small(mirror=mirror).saved
        straight, turned = (model(x)["gender"].numpy() for x in (images, images[:, :, ::-1]))
        assert np.allclose(straight, turned, atol=1e-6) == mirror


def test_every_ingredient_of_the_custom_cnn_has_its_layers(tmp_path: Path) -> None:
    options = custom_options(
        filters=[4, 8],
        dense_units=[8],
        convolutions=2,
        pooling="average",
        batch_normalization=True,
        age_head="distribution",
        tta_flip=True,
    )
    weights = custom.build(options, 32, BOTH).trained.get_weights()
    model = with_weights([weights], custom.build(options, 32, BOTH, to_save=True))
    names = [row["name"] for row in layers(model)]
    assert {"conv2_2", "norm2_2", "average", "age_distribution", "gender_mean"} <= set(names)
    # Two normalisations' moving averages a filter, and the years, are not trained.
    counts = parameter_counts(model)
    assert counts["total"] - counts["trainable"] == 2 * 2 * (4 + 8) + 117
    save(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    for task, answer in loaded(images).items():
        assert answer.shape == (2, 1)
        np.testing.assert_allclose(answer, model(images)[task], rtol=1e-5)


def test_a_network_trained_in_bfloat16_is_saved_in_float32_and_of_kerass_own_layers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    options = custom_options(
        filters=[4], dense_units=[8], precision="bfloat16", batch_normalization=True
    )
    rough = custom.build(options, 32, BOTH)
    assert rough.trained.get_layer("conv1").compute_dtype == "bfloat16"
    weights = rough.trained.get_weights()
    plain = with_weights([weights], custom.build(options, 32, BOTH, to_save=True))
    assert {layer.compute_dtype for layer in plain.layers} == {"float32"}
    assert {type(layer).__module__.split(".")[0] for layer in plain.layers} == {"keras"}
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(
        plain(images)["gender"], rough.saved(images)["gender"], rtol=0.05, atol=0.02
    )


FLAGS = "processor\t: 0\nmodel name\t: {name}\nflags\t\t: fpu {flags} sse2\nbugs\t\t: amx_bf16\n"


@pytest.mark.parametrize(
    ("machine", "processor", "gpus", "computes_in"),
    [
        ("x86_64", FLAGS.format(name="new", flags="avx2 avx512f avx512_bf16"), [], "bfloat16"),
        ("x86_64", FLAGS.format(name="avx512_bf16", flags="avx2 avx512f"), [], "float32"),
        ("x86_64", None, [], "float32"),
        ("arm64", None, [], "float32"),
        ("x86_64", FLAGS.format(name="old", flags="avx2"), ["GPU:0"], "bfloat16"),
    ],
)
def test_bfloat16_is_computed_in_only_where_it_is_not_imitated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    machine: str,
    processor: str | None,
    gpus: list[str],
    computes_in: str,
) -> None:
    told = tmp_path / "cpuinfo"
    if processor:
        told.write_text(processor)
    monkeypatch.setattr(precision, "_PROCESSOR", told)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)

    options = custom_options(filters=[4], dense_units=[8], precision="bfloat16")
    assert custom.build(options, 32, BOTH).trained.get_layer("conv1").compute_dtype == computes_in
    said: list[str] = []
    precision.tell("float32", said.append)
    assert not said
    precision.tell("bfloat16", said.append)
    assert len(said) == (computes_in == "float32")


NOTHING = {
    "flip": False,
    "rotation": 0,
    "shift": 0.0,
    "zoom": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "erasing": 0.0,
}
IMAGES = tf.constant(np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8))


def test_without_options_photos_are_left_alone() -> None:
    assert of_epoch(Augmentation.parse(NOTHING), 1, 0) is None


@pytest.mark.parametrize(
    "some",
    [
        {"flip": True},
        {"rotation": 20},
        {"shift": 0.2},
        {"zoom": 0.3},
        {"brightness": 0.3},
        {"contrast": 0.5},
        {"erasing": 1.0},
        {key: 0.2 for key in NOTHING if key != "flip"},
    ],
)
def test_changes_are_a_function_of_seed_epoch_and_batch(some: dict[str, object]) -> None:
    options = Augmentation.parse(NOTHING | some)

    def changed(seed: int, epoch: int, batch: int) -> np.ndarray:
        change = of_epoch(options, seed, epoch)
        assert change is not None
        return np.asarray(change(IMAGES, tf.constant(batch, tf.int64)))

    first = changed(1, 2, 3)
    assert first.shape == IMAGES.shape and first.dtype == np.float32
    assert first.min() >= 0 and first.max() <= 255
    assert (first == changed(1, 2, 3)).all()
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert (first != changed(*other)).any()


def test_a_flip_mirrors_about_half_of_the_photos_and_changes_nothing_else() -> None:
    change = of_epoch(Augmentation.parse(NOTHING | {"flip": True}), 1, 0)
    assert change is not None
    flipped = np.asarray(change(IMAGES, tf.constant(0)))
    straight, turned = (
        np.isclose(flipped, images, atol=0.01).all(axis=(1, 2, 3))
        for images in (IMAGES, IMAGES[:, :, ::-1])
    )
    assert (straight ^ turned).all() and 16 <= turned.sum() <= 48


def changed(images: np.ndarray, **some: object) -> np.ndarray:
    return np.asarray(augment(tf.constant(images), Augmentation.parse(NOTHING | some), (1, 0)))


def bright(*places: tuple[int, int]) -> np.ndarray:
    """500 black photos of 33 pixels a side with a bright spot of 3 at each (row, column)."""
    images = np.zeros((500, 33, 33, 3), np.uint8)
    for row, column in places:
        images[:, row - 1 : row + 2, column - 1 : column + 2] = 200
    return images


def found(images: np.ndarray) -> np.ndarray:
    """Where the brightness of each photo has its centre, (row, column) from the photo's middle."""
    light = images.sum(axis=3)
    places = np.stack(np.meshgrid(*[np.arange(33) - 16] * 2, indexing="ij"), axis=-1)
    return np.tensordot(light, places, 2) / light.sum(axis=(1, 2))[:, None]


def test_photos_are_shifted_to_every_side_and_no_further_than_allowed() -> None:
    centres = found(changed(bright((16, 16)), shift=0.2))
    assert np.abs(centres).max() <= 0.2 * 33 + 0.01
    # To all four sides, nearly as far as may be, and both directions apart.
    assert (centres.max(axis=0) > 6).all() and (centres.min(axis=0) < -6).all()
    assert np.abs(np.corrcoef(centres.T)[0, 1]) < 0.2


def test_photos_are_turned_either_way_and_no_further_than_allowed() -> None:
    centres = found(changed(bright((16, 26)), rotation=20))
    np.testing.assert_allclose(np.hypot(*centres.T), 10, atol=0.3)
    degrees = np.degrees(np.arctan2(*centres.T))
    assert 18 < degrees.max() <= 21 and -21 <= degrees.min() < -18


def test_zoom_changes_both_axes_alike() -> None:
    # One after the other: the centre of both would tell of neither.
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


def test_erasing_greys_a_rectangle() -> None:
    images = np.full((500, 64, 64, 3), 10, np.uint8)
    some = changed(images, erasing=0.25)
    assert 75 < (some != 10).any(axis=(1, 2, 3)).sum() < 175
    erased = changed(images, erasing=1.0)
    assert set(np.unique(erased)) == {10, 127.5}
    grey = (erased == 127.5).all(axis=3)
    sides = [grey.any(axis=axis).sum(axis=1) for axis in (2, 1)]
    area = grey.sum(axis=(1, 2))
    # Nothing but a rectangle has as many pixels as its sides promise.
    assert (area == sides[0] * sides[1]).all()
    # A rectangle between two pixels covers one more or one less a side.
    low, high = ((np.sqrt(share) * 64 + off) ** 2 for share, off in ((0.02, -2), (0.25, 2)))
    assert low <= area.min() and area.max() <= high
    assert 0.11 < area.mean() / 64**2 < 0.16


def test_an_epoch_shows_each_photo_once_with_its_own_labels(tmp_path: Path) -> None:
    # A photo's pixels are its number.
    pixels = np.arange(35, dtype=np.uint8).repeat(4 * 4 * 3).reshape(35, 4, 4, 3)
    write_tfrecords(tmp_path, {"train": pixels}, shard_records=7)

    def seen(*order: int, split: str = "train") -> list[int]:
        numbers: list[int] = []
        for images, labels in photos(tmp_path, split, 8, BOTH, order):
            first = images.numpy()[:, 0, 0, 0]
            assert (labels["age"].numpy()[:, 0] == first).all()
            assert (labels["gender"].numpy()[:, 0] == first % 2).all()
            numbers += first.tolist()
        return numbers

    assert seen() == list(range(35))
    one_more = seen(split="train+validation")
    assert one_more[:-1] == list(range(35)) and one_more[-1] in range(35)
    assert sorted(seen(1, 2, split="train+validation")) == sorted(one_more)
    first, second = seen(1, 0), seen(1, 1)
    assert sorted(first) == sorted(second) == list(range(35))
    assert len({tuple(order) for order in (seen(), first, second, seen(2, 0))}) == 4
    assert first == seen(1, 0)


def test_the_first_view_is_the_photo_and_the_second_its_mirror_image() -> None:
    options = Augmentation.parse(NOTHING | {"brightness": 0.5})
    made = [np.asarray(view(IMAGES, tf.constant(0))) for view in views(4, options, seed=1)]
    assert (made[0] == IMAGES.numpy()).all()
    assert (made[1] == IMAGES.numpy()[:, :, ::-1]).all()
    assert len(made) == 4 and (made[2] != made[0]).any()
    assert len(views(1, options, seed=1)) == 1


def test_a_photo_goes_through_all_its_views_before_one_comes_again() -> None:
    labels = np.stack([np.arange(20), np.arange(20)], 1).astype(np.float32)
    rows = np.arange(60, dtype=np.float32)[:, np.newaxis]
    seen: dict[int, list[int]] = {photo: [] for photo in range(20)}
    for epoch in range(6):
        for vectors, answers in embeddings(rows, labels, 8, ["age"], (1, epoch)):
            for row, photo in zip(vectors.numpy()[:, 0], answers["age"].numpy()[:, 0], strict=True):
                assert row % 20 == photo
                seen[int(photo)].append(int(row) // 20)
    assert all(set(views[:3]) == {0, 1, 2} and views[:3] == views[3:] for views in seen.values())
    starts = [views[0] for views in seen.values()]
    assert set(starts) == {0, 1, 2}
    # Not by the numbers that draw the order of the first epoch.
    assert starts != generator(1, 0).integers(3, size=20).tolist()


def test_an_epoch_shows_one_view_of_each_photo_and_shifts_its_map() -> None:
    labels = np.stack([np.arange(6), np.arange(6)], 1).astype(np.float32)
    maps = np.zeros((12, 5, 5, 1), np.float32)
    maps[:6, 2, 2, 0] = 1 + np.arange(6)
    maps[6:, 2, 2, 0] = 101 + np.arange(6)
    seen, places = set(), set()
    for epoch in range(20):
        for vectors, answers in embeddings(maps, labels, 4, ["age"], (1, epoch), feature_shift=1):
            for vector, age in zip(vectors.numpy(), answers["age"].numpy()[:, 0], strict=True):
                assert vector.max() in (1 + age, 101 + age)
                seen.add(float(vector.max()))
                places.add(tuple(int(i) for i in np.argwhere(vector)[0][:2]))
    assert len(seen) == 12
    assert places == {(y, x) for y in (1, 2, 3) for x in (1, 2, 3)}
    (plain,) = embeddings(maps, labels, 6, ["age"], feature_shift=1)
    assert (plain[0].numpy() == maps[:6]).all()


def test_progress_of_other_inputs_is_removed(tmp_path: Path) -> None:
    with closing(Progress(tmp_path / "stage/old")) as old:
        old.save([np.ones(2)], {"epochs": []})
    with closing(Progress(tmp_path / "stage/new")) as progress:
        assert progress.load() is None
        assert not old.folder.exists()
        progress.save([np.arange(3)], {"epochs": [1]})
        (progress.folder / "state0.partial").write_bytes(b"half")
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
    photos = np.random.default_rng(1).integers(0, 256, (40, 32, 32, 3), np.uint8)
    write_tfrecords(tmp_path, {"train": photos})
    keras.utils.set_random_seed(5)
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3, strides=8)(image))

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    embed(model, tmp_path, "train", tmp_path / "whole", "train", 1, say=lambda line: None)
    assert saved_photos(tmp_path / "stopped") == ""
    with pytest.raises(KeyboardInterrupt):
        embed(model, tmp_path, "train", tmp_path / "stopped", "train", 1, say=stop)
    assert saved_photos(tmp_path / "stopped") == "the embeddings of 16 photos are saved"
    with (tmp_path / "stopped/train.partial").open("ab") as file:
        file.write(b"more, of which no position tells")
    said: list[str] = []
    embed(model, tmp_path, "train", tmp_path / "stopped", "train", 1, say=said.append)
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
        (progress.folder / "state0.partial").symlink_to("/dev/full")
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
        state = progress.folder / "state0.npz"
        whole = state.read_bytes()
        for spoilt in (whole[:-9], b"", whole[:300] + b"xx" + whole[302:]):
            state.write_bytes(spoilt)
            assert progress.load() is None
            assert progress.described() == ""


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fused_batch_normalization_trains_like_kerass_own(policy: str) -> None:
    images = np.random.default_rng(0).normal(3, 2, (8, 6, 6, 4)).astype(np.float32)

    def trained(kind: type[keras.layers.BatchNormalization]) -> list[np.ndarray]:
        layer = kind(dtype=policy)
        layer.build(images.shape)
        layer.gamma.assign([1.0, 2.0, 0.5, -1.0])
        with tf.GradientTape() as tape:
            given = tf.Variable(images)
            out = tf.cast(layer(given, training=True), tf.float32)
            loss = tf.reduce_sum(out**3)
        weights = [given, layer.gamma.value, layer.beta.value]
        gradients = tape.gradient(loss, weights)
        after = tf.cast(layer(images, training=False), tf.float32)
        return [np.asarray(v) for v in (out, *gradients, layer.moving_mean, after)]

    fused, own = trained(FusedBatchNormalization), trained(keras.layers.BatchNormalization)
    tolerance = 1e-3 if policy == "float32" else 0.05
    for one, other in zip(fused, own, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * np.abs(other).max())


def test_an_epoch_ends_when_its_last_batch_does() -> None:
    # tf.data's tuner would hold it up until it next wakes, after 10, 20, 40 ... milliseconds.
    labels = np.zeros((4, 2), np.float32)
    dataset = embeddings(np.zeros((4, 8), np.float32), labels, 2, BOTH)
    assert dataset.options().autotune.enabled is False
