"""What training minimizes and what it measures, by task.

Labels are those of `agegender.networks.datasets.photos`; ages may also have the shape (n, 1). A
photo whose label of a task is not known counts neither in the loss of that task nor in what is
measured of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from agegender.training.heads import AGE_BINS, quantile
from agegender.training.parameters import Training

Function = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]

# Years over which the density of ages is smoothed: standard deviation.
DENSITY_SIGMA = 2.0

# What the curves show, and the metric of Keras that it is.
CURVES = {
    "gender": {"gender_loss": "mean_loss", "gender_accuracy": "accuracy"},
    "age": {"age_loss": "mean_loss", "age_mae": "mae"},
}


@dataclass(frozen=True)
class Objective:
    """What a network is trained for.

    Attributes:
        tasks: ``gender``, ``age`` or both.
        options: the losses, their weights and the age head.
        age_weights: of the age loss by year, see `age_weights`; None: all ages count alike.
    """

    tasks: Sequence[str]
    options: Training
    age_weights: np.ndarray | None = None

    def losses(self) -> dict[str, Function]:
        """The loss of each task, one value per photo, 0 where its label is not known."""
        functions = {"gender": self._gender_loss, "age": self._age_loss}
        return {task: _masked(functions[task]) for task in self.tasks}

    def weights(self) -> dict[str, float]:
        """The weight of each task's loss in the sum."""
        by_task = {"gender": self.options.gender_weight, "age": self.options.age_weight}
        return {task: by_task[task] for task in self.tasks}

    def metrics(self) -> dict[str, list[keras.metrics.Metric]]:
        """Each task's loss and its metric, as means over the photos whose label is known.

        The loss is measured as a metric, since what Keras itself reports of an output's loss is no
        mean over photos where the last batch is smaller than the others.
        """
        functions: dict[str, dict[str, Function]] = {
            "gender": {
                "mean_loss": keras.losses.binary_crossentropy,
                "accuracy": _gender_accuracy,
            },
            "age": {"mean_loss": self._age_loss, "mae": self._age_error},
        }
        return {
            task: [MeanOfKnown(function, name) for name, function in functions[task].items()]
            for task in self.tasks
        }

    def _gender_loss(
        self, truth: keras.KerasTensor, output: keras.KerasTensor
    ) -> keras.KerasTensor:
        smoothing = self.options.label_smoothing
        return keras.losses.binary_crossentropy(truth, output, label_smoothing=smoothing)

    def _age_loss(self, truth: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
        if self.options.age_head == "linear":
            loss = keras.losses.mean_absolute_error(_middle(truth), output)
        else:
            labels = soft_labels(truth, self.options.age_label_sigma)
            loss = keras.losses.categorical_crossentropy(labels, output, from_logits=True)
        if self.age_weights is None:
            return loss
        years = keras.ops.cast(keras.ops.round(_middle(truth)[:, 0]), "int32")
        return loss * keras.ops.take(self.age_weights, years)

    def _age_error(self, truth: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
        """The distance of the predicted age to the label: to an age, or the nearest of a range."""
        if self.options.age_head == "linear":
            years = output
        elif self.options.age_estimate == "median":
            years = quantile(keras.ops.softmax(output, axis=-1), 0.5)
        else:
            shares = keras.ops.softmax(output, axis=-1)
            years = keras.ops.sum(shares * AGE_BINS, axis=-1, keepdims=True)
        nearest = keras.ops.minimum(keras.ops.maximum(years, truth[:, :1]), truth[:, -1:])
        return keras.losses.mean_absolute_error(nearest, years)


class MeanOfKnown(keras.metrics.MeanMetricWrapper):
    """The mean of a function over the photos whose label is known."""

    def update_state(
        self,
        y_true: keras.KerasTensor,
        y_pred: keras.KerasTensor,
        sample_weight: keras.KerasTensor | None = None,
    ) -> None:
        """Add a batch; Keras gives no weights."""
        known = keras.ops.cast(_is_known(y_true), "float32")
        super().update_state(_filled(y_true), y_pred, known)


def _masked(loss: Function) -> Function:
    """``loss``, with 0 for photos whose label is not known."""

    def of_known(truth: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
        # What is filled in for NaN has no part in the result, nor in a gradient.
        return keras.ops.where(_is_known(truth), loss(_filled(truth), output), 0.0)

    return of_known


def _is_known(truth: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.all(keras.ops.isfinite(truth), axis=-1)


def _filled(truth: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.where(keras.ops.isfinite(truth), truth, 0.0)


def age_weights(ages: np.ndarray, balance: float) -> np.ndarray | None:
    """How much each year's photos count, so that rare ages are learned, too.

    A year's weight is its photos' density, smoothed over neighboring years, to the power of
    ``-balance``; the mean over the photos is 1. Source: label distribution smoothing, Yang et al.,
    Delving into Deep Imbalanced Regression, ICML 2021, arXiv:2102.09554.

    Args:
        ages: of the training photos, years, NaN where it is not known.
        balance: 0 weighs all photos alike (None is returned), 1 all ages.

    Returns:
        Shape (117,), float32.
    """
    if not balance:
        return None
    years = np.rint(ages[~np.isnan(ages)]).astype(int)
    count = np.bincount(years, minlength=len(AGE_BINS)).astype(float)
    kernel = np.exp(-0.5 * ((AGE_BINS[:, np.newaxis] - AGE_BINS) / DENSITY_SIGMA) ** 2)
    # At the ends, too, a mean over the years that exist.
    density = kernel @ count / kernel.sum(axis=1)
    weights = np.maximum(density, 1e-3) ** -balance
    return (weights / weights[years].mean()).astype(np.float32)


def curves(logs: Mapping[str, float], tasks: Sequence[str]) -> dict[str, dict[str, float]]:
    """An epoch's values from Keras's logs: by split, then by the names of the learning curves."""
    values: dict[str, dict[str, float]] = {}
    for split, prefix in (("train", ""), ("validation", "val_")):
        values[split] = {"loss": float(logs[f"{prefix}loss"])}
        for task in tasks:
            for curve, metric in CURVES[task].items():
                # Keras leaves out the task's name where there is but one.
                full = f"{prefix}{task}_{metric}"
                values[split][curve] = float(
                    logs[full] if full in logs else logs[f"{prefix}{metric}"]
                )
    return values


def soft_labels(ages: keras.KerasTensor, sigma: float) -> keras.KerasTensor:
    """A distribution over the years 0 to 116 for each label.

    Around an exact age it is normal, cut off at both ends (Gao et al., Deep Label Distribution
    Learning, IEEE TIP 2017, arXiv:1611.01731); over the years of a range it is even.

    Args:
        ages: the lowest and the highest age in years, shape (n, 2).
        sigma: standard deviation in years around an exact age.

    Returns:
        Shape (n, 117); each row adds up to 1.
    """
    ages = keras.ops.cast(ages, "float32")
    lowest, highest = ages[:, :1], ages[:, -1:]
    distance = (lowest - AGE_BINS[np.newaxis, :]) / sigma
    normal = keras.ops.softmax(-0.5 * keras.ops.square(distance), axis=-1)
    inside = keras.ops.logical_and(lowest <= AGE_BINS, highest >= AGE_BINS)
    inside = keras.ops.cast(inside, "float32")
    even = inside / keras.ops.maximum(keras.ops.sum(inside, axis=-1, keepdims=True), 1.0)
    return keras.ops.where(lowest == highest, normal, even)


def _middle(ages: keras.KerasTensor) -> keras.KerasTensor:
    """From the lowest and the highest age, (n, 2), to the one between them, (n, 1)."""
    return keras.ops.mean(ages, axis=-1, keepdims=True)


def _gender_accuracy(truth: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.mean(keras.metrics.binary_accuracy(truth, output), axis=-1)
