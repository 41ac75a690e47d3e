"""Training, epoch by epoch, so that each epoch is a function of the seed and its number."""

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from agegender.networks.batches import generator
from agegender.networks.network import Network
from agegender.networks.progress import Progress, packed, unpacked
from agegender.training import objective
from agegender.training.distribution import ALONE, Distribution
from agegender.training.optimizer import optimizer
from agegender.training.parameters import Training
from agegender.training.replicas import Replicas

# One epoch's values: {"train": {"loss": ...}, "validation": {...}}.
Epoch = dict[str, dict[str, float]]
Weights = list[np.ndarray]
# Another number than those of what else is drawn from a seed and a number.
_MEMBERS = 2


@dataclass
class History:
    """What training measured: values an epoch, and seconds an epoch.

    Of the first ``resumed`` epochs an earlier process kept both.
    """

    epochs: list[Epoch] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    resumed: int = 0

    @property
    def earlier_seconds(self) -> float:
        """What earlier processes spent on the epochs that are in the result."""
        return sum(self.seconds[: self.resumed])

    @property
    def best(self) -> int:
        """The number, from 0, of the first epoch with the lowest validation loss.

        One that is no number is higher than any.
        """
        losses = [epoch["validation"]["loss"] for epoch in self.epochs]
        losses = [math.inf if math.isnan(loss) else loss for loss in losses]
        return losses.index(min(losses))

    def is_over(self, options: Training) -> bool:
        """Whether all epochs have been, or so many without a lower validation loss."""
        done = len(self.epochs)
        if done >= options.epochs:
            return True
        return bool(options.patience and done and done - 1 - self.best >= options.patience)


def train(
    network: Network,
    batches: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset,
    tasks: Sequence[str],
    options: Training,
    progress: Progress,
    on_epoch: Callable[[Epoch], None],
    say: Callable[[str], None] = print,
    backbone_learning_rate: float | None = None,
    distribution: Distribution = ALONE,
) -> History:
    """Train with Adam; by default on binary cross-entropy (gender) plus absolute error (age).

    After each epoch weights, optimizer, dropout's random state and history are kept in
    ``progress``; a later call with the same progress goes on behind the last whole epoch and ends
    in the same weights as one that was never interrupted. Where several processes train together,
    all go on from where the one that is furthest was.

    Args:
        network: its ``trained`` model is trained; made in the scope of ``distribution``.
        batches: the training data of an epoch, by its number from 0.
        validation: batches of validation data.
        tasks: what the model answers.
        options: epochs, objective, optimizer, and which weights are the result.
        progress: where unfinished training is kept.
        on_epoch: called with the values of each epoch, those of a resumed run included.
        say: prints one line.
        backbone_learning_rate: of the pre-trained weights that are trained; None for the others'.
        distribution: of the batches over GPUs or machines, which all get the same arguments.

    Raises:
        UserError: another machine was lost.
    """
    model = network.trained
    steps = int(batches(0).cardinality())
    with distribution.scope():
        model.compile(
            optimizer=optimizer(options, steps, network.pretrained, backbone_learning_rate),
            loss=objective.losses(tasks, options),
            loss_weights=objective.weights(tasks, options),
            metrics=objective.metrics(tasks, options),
        )
        model.optimizer.build(model.trainable_variables)
        epochs = _Fit(model)
        if distribution.strategy is not None:
            epochs = _Distributed(model, Replicas(model, distribution, tasks, options))
    weights = _Weights(model, options)
    history = weights.resume(progress, distribution, say)
    for epoch in history.epochs:
        on_epoch(epoch)
    while not history.is_over(options):
        number = len(history.epochs)
        begin = time.perf_counter()
        trained = epochs.train(batches(number), weights.last)
        # The averaged weights are left behind, if there are any.
        checked = epochs.check(validation)
        values = {
            "train": objective.named(trained, tasks),
            "validation": objective.named(checked, tasks),
        }
        history.epochs.append(values)
        history.seconds.append(time.perf_counter() - begin)
        weights.keep(progress, history)
        on_epoch(values)
        say(_line(number + 1, options.epochs, values, history.seconds[-1]))
    if len(history.epochs) < options.epochs:
        say(f"stopped early: no lower validation loss since epoch {history.best + 1}")
    weights.conclude()
    return history


def train_members(
    build: Callable[[], Network],
    batches: Callable[[int, int], tf.data.Dataset],
    validation: tf.data.Dataset,
    tasks: Sequence[str],
    options: Training,
    seed: int,
    progress: Progress,
    on_epoch: Callable[[Epoch], None],
    say: Callable[[str], None] = print,
    backbone_learning_rate: float | None = None,
    distribution: Distribution = ALONE,
) -> tuple[list[Weights], list[History]]:
    """Train so many networks as there are to be members, one after the other; see `train`.

    Args:
        build: makes an untrained network.
        batches: the training data by seed and epoch.
        validation: see `train`, like all that is not named here.
        tasks: see `train`.
        options: with the number of members.
        seed: of the first member; the others' are drawn from it.
        progress: where unfinished training is kept.
        on_epoch: called with the values of the first member's epochs.
        say: see `train`.
        backbone_learning_rate: see `train`.
        distribution: see `train`.

    Returns:
        each member's weights, and what its training measured.
    """
    weights, histories = [], []
    for number in range(options.ensemble_size):
        own = int(generator(seed, number, _MEMBERS).integers(2**31)) if number else seed
        # Whatever was drawn for an earlier member, or was not since it is trained already.
        keras.utils.set_random_seed(own)
        with distribution.scope():
            network = build()
        if options.ensemble_size > 1:
            say(f"member {number + 1} of {options.ensemble_size}")
        history = train(
            network,
            partial(batches, own),
            validation,
            tasks,
            options,
            progress.part(number),
            (lambda values: None) if number else on_epoch,
            say,
            backbone_learning_rate,
            distribution,
        )
        weights.append(network.trained.get_weights())
        histories.append(history)
        # Network, optimizer and averages, three times the weights, refer to each other in cycles.
        del network
        gc.collect()
    return weights, histories


class _Last(keras.callbacks.Callback):
    """The trainable weights at the end of an epoch, before averages take their place."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.values = [variable.numpy() for variable in self.model.trainable_variables]


class _Fit:
    """An epoch as Keras runs it, and its measures by Keras's names."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def train(self, batches: tf.data.Dataset, last: _Last) -> dict[str, float]:
        fitted = self._model.fit(batches, shuffle=False, verbose=0, callbacks=[last])
        return {name: values[0] for name, values in fitted.history.items()}

    def check(self, batches: tf.data.Dataset) -> dict[str, float]:
        checked: dict[str, float] = self._model.evaluate(batches, verbose=0, return_dict=True)
        return checked


class _Distributed(_Fit):
    """The same, on several GPUs or machines."""

    def __init__(self, model: keras.Model, replicas: Replicas) -> None:
        super().__init__(model)
        self._replicas = replicas

    def train(self, batches: tf.data.Dataset, last: _Last) -> dict[str, float]:
        values = self._replicas.train(batches)
        last.set_model(self._model)
        last.on_epoch_end(0)
        self._model.optimizer.finalize_variable_values(self._model.trainable_variables)
        return values

    def check(self, batches: tf.data.Dataset) -> dict[str, float]:
        return self._replicas.check(batches)


class _Weights:
    """The weights that training goes on with, and those that are its result."""

    def __init__(self, model: keras.Model, options: Training) -> None:
        self.last = _Last()
        self._model = model
        self._averages = options.ema_momentum > 0
        self._keeps_best = options.restore_best_weights
        self._best: list[np.ndarray] = []

    def keep(self, progress: Progress, history: History) -> None:
        """Keep the state behind an epoch, and go on with the weights that it ended in."""
        if self._keeps_best and history.best == len(history.epochs) - 1:
            self._best = self._model.get_weights()
        if self._averages:
            _assign(self._model.trainable_variables, self.last.values)
        arrays = [variable.numpy() for variable in self._variables()]
        state = {"epochs": history.epochs, "seconds": history.seconds}
        progress.save([*arrays, *self._best], state)

    def resume(
        self, progress: Progress, distribution: Distribution, say: Callable[[str], None]
    ) -> History:
        """Take up the state that was kept last; an empty history if there is none."""
        kept = progress.load()
        if distribution.workers > 1:
            how_far = len(kept[1]["epochs"]) if kept else 0
            kept = unpacked(distribution.furthest(packed(kept), how_far))
            if kept and how_far < len(kept[1]["epochs"]):
                # Who had it may be the next to be lost.
                progress.save(*kept)
        if kept is None:
            return History()
        arrays, state = kept
        variables = self._variables()
        _assign(variables, arrays[: len(variables)])
        self._best = arrays[len(variables) :]
        say(f"resuming behind epoch {len(state['epochs'])}")
        return History(state["epochs"], state["seconds"], resumed=len(state["epochs"]))

    def conclude(self) -> None:
        """Give the model the weights that are the result."""
        if self._best:
            self._model.set_weights(self._best)
        else:
            self._model.optimizer.finalize_variable_values(self._model.trainable_variables)

    def _variables(self) -> list[keras.Variable]:
        """Weights, dropout's random state and the optimizer's variables, in a fixed order."""
        return [*self._model.variables, *self._model.optimizer.variables]


def _assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _line(number: int, epochs: int, values: Epoch, seconds: float) -> str:
    parts = [
        f"{name} {values['train'][name]:.3f} (validation {values['validation'][name]:.3f})"
        for name in values["train"]
    ]
    return f"epoch {number}/{epochs}, {seconds:.1f} s: {', '.join(parts)}"
