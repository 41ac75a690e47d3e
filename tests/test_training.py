"""Training: what it minimizes, how its steps go, and that it resumes exactly."""

import logging
import math
import os
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from agegender.networks.datasets import embeddings
from agegender.report.results import best_epoch
from agegender.training.callbacks import Checkpoint, EarlyStopping, Epoch
from agegender.training.heads import head
from agegender.training.objective import Objective, age_weights, curves
from agegender.training.optimizer import optimizer
from agegender.training.training import saved_state, train_ensemble
from tests.test_models import BOTH, custom_options, vgg16_options

FEATURES = np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32)
LABELS = pd.DataFrame(
    {
        task: np.random.default_rng(2).integers(0, top, 50)
        for task, top in (("gender", 2), ("age", 117))
    }
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


ON_EPOCH_END = Checkpoint.on_epoch_end


@pytest.fixture(autouse=True)
def eagerly() -> Iterator[None]:
    """Most of the time would go into making graphs, which other tests train with."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


class Stopped(Exception):
    """Training was stopped from outside."""


def trained(
    folder: Path,
    tasks: list[str] = BOTH,
    stop_after: int | None = None,
    built: Callable[[keras.Model], None] = lambda model: None,
    **changed: object,
) -> tuple[list[list[np.ndarray]], list[Epoch]]:
    """Each network's weights, and the first one's epochs, of heads trained on vectors.

    Stopped, as a kill would, after so many epochs of this process.
    """
    options = custom_options(
        **{"dense_units": [8], "dropout": 0.5, "batch_size": 32, "epochs": 3, **changed}
    )
    folder.mkdir(parents=True, exist_ok=True)

    def build() -> keras.Model:
        vector = keras.Input((16,))
        model = keras.Model(vector, head(vector, tasks, options))
        built(model)
        return model

    batches = partial(embeddings, FEATURES, LABELS, options.batch_size, tasks)
    done: list[int] = []

    def on_epoch_end(self: Checkpoint, epoch: int, logs: dict[str, float]) -> None:
        ON_EPOCH_END(self, epoch, logs)
        done.append(epoch)
        if len(done) == stop_after:
            raise Stopped

    seen: list[Epoch] = []
    validation = embeddings(FEATURES, LABELS, 32, tasks)
    with patch.object(Checkpoint, "on_epoch_end", on_epoch_end):
        networks, _ = train_ensemble(
            build, batches, validation, Objective(tasks, options), 7, folder, seen.append
        )
    return [network.get_weights() for network in networks], seen


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize(
    ("tasks", "changed"),
    [
        (["gender"], {"ema_momentum": 0.9}),
        (["age"], {"restore_best_weights": True}),
        (["gender", "age"], {"age_head": "distribution", "age_estimate": "median", **EVERYTHING}),
    ],
)
def test_training_that_was_stopped_ends_in_the_same_weights(
    tmp_path: Path, tasks: list[str], changed: dict[str, Any]
) -> None:
    whole, epochs = trained(tmp_path / "whole", tasks, **changed)
    folder = tmp_path / "stopped"
    with pytest.raises(Stopped):
        trained(folder, tasks, stop_after=2, **changed)
    assert saved_state(folder, 1) == "training is saved after epoch 2"
    # Then once more after all epochs, before the model is saved.
    for _ in range(2):
        resumed, resumed_epochs = trained(folder, tasks, **changed)
        assert same(whole[0], resumed[0]) and epochs == resumed_epochs
    names = {"loss"}
    names |= {"gender_loss", "gender_accuracy"} if "gender" in tasks else set()
    names |= {"age_loss", "age_mae"} if "age" in tasks else set()
    assert set(epochs[0]["train"]) == set(epochs[0]["validation"]) == names


@pytest.mark.long
def test_each_network_of_an_ensemble_has_a_seed_of_its_own_wherever_it_stops(
    tmp_path: Path,
) -> None:
    models: list[weakref.ref[keras.Model]] = []
    alive: list[int] = []

    def built(model: keras.Model) -> None:
        alive.append(sum(each() is not None for each in models))
        models.append(weakref.ref(model))

    alone, epochs = trained(tmp_path / "alone", **EVERYTHING)
    whole, whole_epochs = trained(tmp_path / "whole", ensemble_size=2, built=built, **EVERYTHING)
    assert same(whole[0], alone[0]) and whole_epochs == epochs
    assert not same(*whole)
    # Each is gone before the next is trained.
    assert alive == [0, 0]
    folder = tmp_path / "stopped"
    with pytest.raises(Stopped):
        trained(folder, ensemble_size=2, stop_after=4, **EVERYTHING)
    assert saved_state(folder, 2) == "training is saved after epoch 1 of network 2"
    resumed, resumed_epochs = trained(folder, ensemble_size=2, **EVERYTHING)
    assert resumed_epochs == epochs
    assert all(same(a, b) for a, b in zip(resumed, whole, strict=True))


@pytest.mark.long
def test_training_stops_early_and_keeps_the_best_epoch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # So fast that it gets worse at once.
    wild: dict[str, Any] = {"learning_rate": 3.0, "epochs": 20, "dropout": 0.0}
    for changed in ({}, {"ema_momentum": 0.5}):
        wild |= changed
        folder = tmp_path / str(len(changed))
        with caplog.at_level(logging.INFO):
            best, epochs = trained(folder, patience=2, restore_best_weights=True, **wild)
        number = best_epoch([epoch["validation"]["loss"] for epoch in epochs])
        assert len(epochs) == number + 3 < 20
        assert f"no lower validation loss since epoch {number + 1}" in caplog.text
        # The best epoch's weights are those of a training that ended there.
        ended, _ = trained(tmp_path / f"{len(changed)}-b", **(wild | {"epochs": number + 1}))
        for one, other in zip(best[0], ended[0], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        # Killed after it stopped, it does not train on.
        again, more = trained(folder, patience=2, restore_best_weights=True, **wild)
        assert same(again[0], best[0]) and more == epochs
    last, _ = trained(tmp_path / "c", patience=2, **wild)
    assert not same(best[0], last[0])


def test_a_loss_that_is_not_a_number_is_never_the_best() -> None:
    losses = [math.nan, 3.0, 2.0, 2.0, math.nan]
    stopping = EarlyStopping(custom_options(restore_best_weights=True))
    stopping.set_model(keras.Sequential([keras.layers.Dense(1)]))
    stopping.on_train_begin()
    for epoch, loss in enumerate(losses):
        stopping.on_epoch_end(epoch, {"val_loss": loss})
    assert stopping.best_epoch == best_epoch(losses) == 2


def test_averaged_weights_are_those_that_validation_sees(tmp_path: Path) -> None:
    # An epoch of one step, so that what each step led to is known.
    plain = [
        trained(tmp_path / str(epochs), dropout=0.0, batch_size=50, epochs=epochs)[0][0]
        for epochs in (1, 2, 3)
    ]
    averaged, epochs = trained(
        tmp_path / "averaged", dropout=0.0, batch_size=50, epochs=3, ema_momentum=0.75
    )
    # Keras begins with the weights after the first step.
    expected = plain[0]
    for weights in plain:
        expected = [0.75 * a + 0.25 * b for a, b in zip(expected, weights, strict=True)]
    for got, wanted, last in zip(averaged[0], expected, plain[-1], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)
        assert not np.allclose(got, last, rtol=1e-4, atol=1e-6)
    hidden, outputs = averaged[0][:2], averaged[0][2:]
    activated = np.maximum(FEATURES @ hidden[0] + hidden[1], 0)
    # Keras sorts the outputs by their names.
    age, gender = (activated @ outputs[i] + outputs[i + 1] for i in (0, 2))
    right = (gender[:, 0] >= 0) == LABELS["gender"]
    seen = epochs[-1]["validation"]
    assert seen["gender_accuracy"] == pytest.approx(right.mean())
    assert seen["age_mae"] == pytest.approx(np.abs(age[:, 0] - LABELS["age"]).mean(), rel=1e-4)


def test_a_checkpoint_that_the_disk_damaged_or_has_no_room_for_is_not_used(tmp_path: Path) -> None:
    trained(tmp_path, epochs=1)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damaged in (whole[:-9], b"", whole[:300] + b"xx" + whole[302:]):
        file.write_bytes(damaged)
        assert saved_state(tmp_path, 1) == ""
    file.write_bytes(whole)
    file.with_name(f"{file.name}.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        trained(tmp_path, epochs=2)
    assert saved_state(tmp_path, 1) == "training is saved after epoch 1"


def test_the_loss_is_the_weighted_sum_of_means_over_photos() -> None:
    truth = {"gender": [0, 1, 1, 0], "age": [0, 30, 60, 116]}
    given = {"gender": [0.1, 0.6, 0.2, 0.5], "age": [3, 25, 60, 100]}
    objective = Objective(BOTH, custom_options(gender_weight=3.0, age_weight=0.25))
    inputs = [keras.Input((1,)) for task in BOTH]
    model = keras.Model(inputs, dict(zip(BOTH, inputs, strict=True)))
    model.compile(
        loss=objective.losses(),
        loss_weights=objective.weights(),
        metrics=objective.metrics(),
    )
    outputs, labels = (
        {task: np.array(values[task], np.float32)[:, None] for task in BOTH}
        for values in (given, truth)
    )
    # The last batch is smaller than the first.
    logs = model.evaluate(list(outputs.values()), labels, batch_size=3, verbose=0, return_dict=True)
    logs |= {f"val_{name}": value for name, value in logs.items()}
    measured = curves(logs, BOTH)["validation"]
    entropy = -np.log([0.9, 0.6, 0.2, 0.5]).mean()
    assert measured["gender_loss"] == pytest.approx(entropy, rel=1e-5)
    assert measured["age_loss"] == measured["age_mae"] == pytest.approx(6)
    assert measured["loss"] == pytest.approx(3 * entropy + 0.25 * 6, rel=1e-5)


@pytest.mark.parametrize("head", ["linear", "distribution"])
def test_labels_that_are_not_known_count_nowhere_and_ranges_as_ranges(head: str) -> None:
    nan = math.nan
    truth = {
        "gender": [[0], [nan], [1], [1]],
        "age": [[30, 30], [60, 69], [nan, nan], [20, 29]],
    }
    random = np.random.default_rng(0)
    logits = random.normal(size=(4, 117))
    ages = logits if head == "distribution" else np.array([[33.0], [50], [7], [25]])
    given = {"gender": [[0.1], [0.6], [0.2], [0.5]], "age": ages}
    objective = Objective(BOTH, custom_options(age_head=head, age_label_sigma=2.0))
    labels = {task: tf.constant(truth[task], tf.float32) for task in BOTH}
    outputs = {task: tf.Variable(given[task], dtype=tf.float32) for task in BOTH}
    with tf.GradientTape() as tape:
        losses = {
            task: loss(labels[task], outputs[task]) for task, loss in objective.losses().items()
        }
        total = tf.add_n([tf.reduce_sum(loss) for loss in losses.values()])
    gradients = dict(zip(BOTH, tape.gradient(total, list(outputs.values())), strict=True))
    for task, row in (("gender", 1), ("age", 2)):
        assert losses[task][row] == 0 and not gradients[task][row].numpy().any()
        assert np.isfinite(gradients[task]).all()
    if head == "distribution":
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert float(losses["age"][1]) == pytest.approx(-np.log(shares[1, 60:70]).mean(), rel=1e-4)
        years = shares @ np.arange(117)
    else:
        np.testing.assert_allclose(losses["age"], [3, 14.5, 0, 0.5], rtol=1e-5)
        years = ages[:, 0]
    outside = [abs(years[0] - 30), max(60 - years[1], 0, years[1] - 69), years[3] - 29]
    measured = {m.name: m for m in objective.metrics()["age"]}
    for metric in measured.values():
        metric.update_state(labels["age"], outputs["age"])
    assert float(measured["mae"].result()) == pytest.approx(
        (outside[0] + outside[1] + max(outside[2], 0, 20 - years[3])) / 3, rel=1e-4
    )
    assert float(measured["mean_loss"].result()) == pytest.approx(
        losses["age"].numpy().sum() / 3, rel=1e-5
    )


def test_rare_ages_count_more_the_more_they_are_balanced() -> None:
    ages = np.array([30] * 900 + [80] * 100)
    assert age_weights(ages, 0.0) is None
    half, whole = age_weights(ages, 0.5), age_weights(ages, 1.0)
    assert half is not None and whole is not None
    for weights, ratio in ((half, 3), (whole, 9)):
        assert weights[80] / weights[30] == pytest.approx(ratio, rel=1e-3)
        assert weights[ages].mean() == pytest.approx(1, rel=1e-5)
    # Of two equal errors that of the rare age costs as much more.
    truth, output = np.array([[30.0], [80.0]]), np.array([[34.0], [84.0]])
    for chosen, expected in ((None, [4, 4]), (whole, 4 * whole[[30, 80]])):
        loss = Objective(["age"], custom_options(), chosen).losses()["age"]
        given = (tf.constant(values, tf.float32) for values in (truth, output))
        np.testing.assert_allclose(loss(*given), expected, rtol=1e-5)


def test_smoothed_labels_lie_nearer_to_the_middle() -> None:
    truth, output = np.array([0, 1, 1, 0]), np.array([0.1, 0.6, 0.2, 0.5])
    for smoothing in (0.0, 0.2):
        loss = Objective(BOTH, custom_options(label_smoothing=smoothing)).losses()["gender"]
        got = loss(tf.constant(truth[:, None], tf.float32), tf.constant(output[:, None]))
        wanted = truth * (1 - smoothing) + smoothing / 2
        entropy = -(wanted * np.log(output) + (1 - wanted) * np.log(1 - output))
        np.testing.assert_allclose(got, entropy, rtol=1e-5)


def test_the_learning_rate_rises_and_falls() -> None:
    options = custom_options(schedule="cosine", warmup_epochs=2, epochs=10, learning_rate=0.5)
    rate = optimizer(options, steps=5)._learning_rate
    rates = [float(rate(step)) for step in range(51)]
    assert rates[0] == 0 and max(rates) == rates[10] == 0.5
    assert rates[50] == pytest.approx(0, abs=1e-6) and rates[30] == pytest.approx(0.25)


def test_pretrained_weights_change_more_slowly_and_only_kernels_decay() -> None:
    fast, slow = keras.Variable([1.0], name="kernel"), keras.Variable([1.0], name="slow")
    others = [keras.Variable([1.0], name=name) for name in ("bias", "gamma", "beta")]
    options = vgg16_options(learning_rate=0.1, weight_decay=0.5)
    adam = optimizer(options, 5, [slow], 0.001)
    adam.build([fast, slow, *others])
    adam.apply([keras.ops.zeros(1)] * 5)
    assert [float(v.numpy()[0]) for v in (slow, *others)] == [1, 1, 1, 1]
    assert float(fast.numpy()[0]) == pytest.approx(0.95)
    adam.apply([keras.ops.ones(1)] * 5)
    moved = 1 - float(others[0].numpy()[0])
    assert float(1 - slow.numpy()[0]) == pytest.approx(moved / 100, rel=1e-3)
