"""What training minimises and what it measures, by task."""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from agegender.training.heads import AGE_BINS, quantile
from agegender.training.parameters import Training

Function = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]

# What the curves show, and the metric of Keras that it is.
CURVES = {
    "gender": {"gender_loss": "mean_loss", "gender_accuracy": "accuracy"},
    "age": {"age_loss": "mean_loss", "age_mae": "mae"},
}


def losses(tasks: Sequence[str], options: Training) -> dict[str, Function]:
    """The loss of each task, one value per photo."""
    return {task: _loss(task, options) for task in tasks}


def weights(tasks: Sequence[str], options: Training) -> dict[str, float]:
    """The weight of each task's loss in the sum."""
    by_task = {"gender": options.gender_weight, "age": options.age_weight}
    return {task: by_task[task] for task in tasks}


def metrics(tasks: Sequence[str], options: Training) -> dict[str, list[keras.metrics.Metric]]:
    """Each task's loss and its metric, as means over photos.

    The loss is measured as a metric, since what Keras itself reports of an output's loss is no
    mean over photos where the last batch is smaller than the others.
    """
    found: dict[str, list[keras.metrics.Metric]] = {}
    if "gender" in tasks:
        found["gender"] = [
            keras.metrics.BinaryCrossentropy(name="mean_loss"),
            keras.metrics.BinaryAccuracy(name="accuracy"),
        ]
    if "age" in tasks:
        found["age"] = [
            keras.metrics.MeanMetricWrapper(_loss("age", options), name="mean_loss"),
            keras.metrics.MeanMetricWrapper(_age_error(options), name="mae"),
        ]
    return found


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


def _loss(task: str, options: Training) -> Function:
    if task == "gender":
        smoothing = options.label_smoothing
        return lambda truth, output: keras.losses.binary_crossentropy(
            truth, output, label_smoothing=smoothing
        )
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
