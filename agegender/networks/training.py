"""Training, epoch by epoch, so that each epoch is a function of the seed and its number."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import keras
import tensorflow as tf

from agegender.networks.progress import Progress

# One epoch's values: {"train": {"loss": ...}, "validation": {...}}.
Epoch = dict[str, dict[str, float]]


@dataclass
class History:
    """What training measured: values an epoch, and seconds an epoch."""

    epochs: list[Epoch] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def train(
    model: keras.Model,
    batches: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset,
    tasks: Sequence[str],
    epochs: int,
    learning_rate: float,
    progress: Progress,
    on_epoch: Callable[[Epoch], None],
    say: Callable[[str], None] = print,
) -> History:
    """Train with Adam on binary cross-entropy (gender) plus mean absolute error (age).

    After each epoch weights, optimizer, dropout's random state and history are kept in
    ``progress``; a later call with the same progress goes on behind the last whole epoch and ends
    in the same weights as one that was never interrupted.

    Args:
        model: from inputs to a dict of the tasks' raw answers.
        batches: the training data of an epoch, by its number from 0.
        validation: batches of validation data.
        tasks: what the model answers.
        epochs: passes over the training data in all.
        learning_rate: of Adam.
        progress: where unfinished training is kept.
        on_epoch: called with the values of each epoch, those of a resumed run included.
        say: prints one line.
    """
    losses = {"gender": "binary_crossentropy", "age": "mean_absolute_error"}
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss={task: losses[task] for task in tasks},
        metrics={task: _metrics(task) for task in tasks},
    )
    model.optimizer.build(model.trainable_variables)
    history = _resume(model, progress, say)
    for epoch in history.epochs:
        on_epoch(epoch)
    for number in range(len(history.epochs), epochs):
        begin = time.perf_counter()
        trained = model.fit(batches(number), shuffle=False, verbose=0).history
        checked = model.evaluate(validation, verbose=0, return_dict=True)
        values = {
            "train": _named({name: values[0] for name, values in trained.items()}, tasks),
            "validation": _named(checked, tasks),
        }
        history.epochs.append(values)
        history.seconds.append(time.perf_counter() - begin)
        state = {"epochs": history.epochs, "seconds": history.seconds}
        progress.save([variable.numpy() for variable in _variables(model)], state)
        on_epoch(values)
        say(_line(number + 1, epochs, values, history.seconds[-1]))
    return history


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Weights, dropout's random state and the optimizer's variables, in a fixed order."""
    return [*model.variables, *model.optimizer.variables]


def _resume(model: keras.Model, progress: Progress, say: Callable[[str], None]) -> History:
    kept = progress.load()
    if kept is None:
        return History()
    arrays, state = kept
    for variable, array in zip(_variables(model), arrays, strict=True):
        variable.assign(array)
    say(f"resuming behind epoch {len(state['epochs'])}")
    return History(state["epochs"], state["seconds"])


def _metrics(task: str) -> list[keras.metrics.Metric]:
    """A task's loss and its metric, as means over photos.

    The loss is measured as a metric, since what Keras itself reports of an output's loss is no
    mean over photos where the last batch is smaller than the others.
    """
    if task == "gender":
        return [
            keras.metrics.BinaryCrossentropy(name="cross_entropy"),
            keras.metrics.BinaryAccuracy(name="accuracy"),
        ]
    return [keras.metrics.MeanAbsoluteError(name="mae")]


# What the curves show, and the metric of Keras that it is.
_CURVES = {
    "gender": {"gender_loss": "cross_entropy", "gender_accuracy": "accuracy"},
    "age": {"age_loss": "mae", "age_mae": "mae"},
}


def _named(values: dict[str, float], tasks: Sequence[str]) -> dict[str, float]:
    """Keras's values by the same names for one task as for two (it drops the task's name)."""
    named = {"loss": float(values["loss"])}
    for task in tasks:
        for curve, metric in _CURVES[task].items():
            full = f"{task}_{metric}"
            named[curve] = float(values[full] if full in values else values[metric])
    return named


def _line(number: int, epochs: int, values: Epoch, seconds: float) -> str:
    parts = [
        f"{name} {values['train'][name]:.3f} (validation {values['validation'][name]:.3f})"
        for name in values["train"]
    ]
    return f"epoch {number}/{epochs}, {seconds:.1f} s: {', '.join(parts)}"
