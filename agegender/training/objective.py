"""What training minimises and what it measures, by task."""

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
        """The loss of each task, one value per photo."""
        functions = {"gender": _gender_loss(self.options), "age": self._weighted_age_loss}
        return {task: functions[task] for task in self.tasks}

    def weights(self) -> dict[str, float]:
        """The weight of each task's loss in the sum."""
        by_task = {"gender": self.options.gender_weight, "age": self.options.age_weight}
        return {task: by_task[task] for task in self.tasks}

    def metrics(self) -> dict[str, list[keras.metrics.Metric]]:
        """Each task's loss and its metric, as means over photos.

        The loss is measured as a metric, since what Keras itself reports of an output's loss is no
        mean over photos where the last batch is smaller than the others.
        """
        found: dict[str, list[keras.metrics.Metric]] = {}
        if "gender" in self.tasks:
            found["gender"] = [
                keras.metrics.BinaryCrossentropy(name="mean_loss"),
                keras.metrics.BinaryAccuracy(name="accuracy"),
            ]
        if "age" in self.tasks:
            found["age"] = [
                keras.metrics.MeanMetricWrapper(self._weighted_age_loss, name="mean_loss"),
                keras.metrics.MeanMetricWrapper(_age_error(self.options), name="mae"),
            ]
        return found

    def _weighted_age_loss(
        self, truth: keras.KerasTensor, output: keras.KerasTensor
    ) -> keras.KerasTensor:
        loss = _age_loss(self.options)(truth, output)
        if self.age_weights is None:
            return loss
        years = keras.ops.cast(keras.ops.round(truth[:, 0]), "int32")
        return loss * keras.ops.take(self.age_weights, years)


def age_weights(ages: np.ndarray, balance: float) -> np.ndarray | None:
    """How much each year's photos count, so that rare ages are learned, too.

    A year's weight is its photos' density, smoothed over neighboring years, to the power of
    ``-balance``; the mean over the photos is 1. Source: label distribution smoothing, Yang et al.,
    Delving into Deep Imbalanced Regression, ICML 2021, arXiv:2102.09554.

    Args:
        ages: of the training photos, years.
        balance: 0 weighs all photos alike (None is returned), 1 all ages.

    Returns:
        Shape (117,), float32.
    """
    if not balance:
        return None
    years = np.rint(ages).astype(int)
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
    """A normal distribution around each age over the years 0 to 116, cut off there.

    Source: Gao et al., Deep Label Distribution Learning, IEEE TIP 2017, arXiv:1611.01731.

    Args:
        ages: years, shape (n, 1).
        sigma: standard deviation in years.

    Returns:
        Shape (n, 117); each row adds up to 1.
    """
    distance = (keras.ops.cast(ages, "float32") - AGE_BINS[np.newaxis, :]) / sigma
    return keras.ops.softmax(-0.5 * keras.ops.square(distance), axis=-1)


def _gender_loss(options: Training) -> Function:
    return lambda truth, output: keras.losses.binary_crossentropy(
        truth, output, label_smoothing=options.label_smoothing
    )


def _age_loss(options: Training) -> Function:
    if options.age_head == "linear":
        return keras.losses.mean_absolute_error
    return lambda truth, output: keras.losses.categorical_crossentropy(
        soft_labels(truth, options.age_label_sigma), output, from_logits=True
    )


def _age_error(options: Training) -> Function:
    if options.age_head == "linear":
        return keras.losses.mean_absolute_error

    def error(truth: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
        shares = keras.ops.softmax(output, axis=-1)
        if options.age_estimate == "median":
            years = quantile(shares, 0.5)
        else:
            years = keras.ops.sum(shares * AGE_BINS, axis=-1, keepdims=True)
        return keras.losses.mean_absolute_error(truth, years)

    return error
