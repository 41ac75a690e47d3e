"""From a vector of features to gender and age: what is trained, and what a saved model returns."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from agegender.photos.labels import MAX_AGE
from agegender.training.parameters import Training

# Ages for which the head `distribution` tells how likely each is: 0 to 116 years.
AGE_BINS = np.arange(MAX_AGE + 1, dtype=np.float32)
# Share of the distribution between the two ends of the interval of ages.
INTERVAL = 0.8

Outputs = dict[str, keras.KerasTensor]


def head(
    features: keras.KerasTensor,
    tasks: Sequence[str],
    options: Training,
    initial_age_bias: float = 0.0,
) -> Outputs:
    """Dense layers with ReLU, dropout after the last of them, and one output per task.

    The age head is ``linear``, one unit in years, or ``distribution``, the logits of each year from
    0 to 116 (Rothe, Timofte and Van Gool, DEX, ICCV Workshops 2015).

    Args:
        features: shape (n, units).
        tasks: ``gender``, ``age`` or both.
        options: the units of each dense layer in turn (none leaves the features as they are), the
            dropout, and the age head.
        initial_age_bias: years that the untrained linear unit returns. From 0, the first epochs
            would go into growing features that reach people's ages.

    Returns:
        ``gender``, shape (n, 1), P(female); ``age``, shape (n, 1), years, or (n, 117), logits.
    """
    for index, units in enumerate(options.dense_units, start=1):
        features = keras.layers.Dense(units, activation="relu", name=f"dense{index}")(features)
    if options.dropout:
        features = keras.layers.Dropout(options.dropout, name="dropout")(features)
    outputs: Outputs = {}
    # The outputs and losses are float32, also where the layers before them are not.
    if "gender" in tasks:
        gender = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="gender")
        outputs["gender"] = gender(features)
    if "age" in tasks and options.age_head == "distribution":
        logits = keras.layers.Dense(len(AGE_BINS), dtype="float32", name="age_logits")
        outputs["age"] = logits(features)
    elif "age" in tasks:
        bias = keras.initializers.Constant(initial_age_bias)
        age = keras.layers.Dense(1, bias_initializer=bias, dtype="float32", name="age")
        outputs["age"] = age(features)
    return outputs


def shares(outputs: Mapping[str, keras.KerasTensor], options: Training) -> Outputs:
    """A head's outputs as what may be averaged over networks and views: shares, not logits."""
    found = dict(outputs)
    if "age" in found and options.age_head == "distribution":
        found["age"] = keras.layers.Softmax(dtype="float32")(found["age"])
    return found


def answer(outputs: Mapping[str, keras.KerasTensor], options: Training) -> Outputs:
    """What a saved model returns, from the means of `shares`.

    Returns:
        ``gender``, P(female), and ``age``, years within 0 to 116; with age_head ``distribution``
        also ``age_low`` and ``age_high``, whole years, the interval that leaves out at most a tenth
        of the distribution at each end. Each of shape (n, 1).
    """
    found = dict(outputs)
    if "age" not in found:
        return found
    bounds = keras.layers.ReLU(max_value=float(MAX_AGE), dtype="float32", name="age_within_bounds")
    if options.age_head == "linear":
        return found | {"age": bounds(found["age"])}
    distribution = found["age"]
    if options.age_estimate == "median":
        age = quantile(distribution, 0.5)
    else:
        expectation = keras.layers.Dense(
            1, use_bias=False, trainable=False, dtype="float32", name="age_expectation"
        )
        age = expectation(distribution)
        expectation.set_weights([AGE_BINS[:, np.newaxis]])
    left_out = (1 - INTERVAL) / 2
    return found | {
        "age": bounds(age),
        "age_low": keras.ops.maximum(keras.ops.floor(quantile(distribution, left_out)), 0.0),
        "age_high": keras.ops.minimum(
            keras.ops.ceil(quantile(distribution, 1 - left_out)), float(MAX_AGE)
        ),
    }


def quantile(distribution: keras.KerasTensor, share: float) -> keras.KerasTensor:
    """The age that this share of a distribution lies below.

    A year's share is spread evenly over the year around its age, so that an even distribution of
    all 117 years has the median 58. No age has a lower expected error than the median.

    Args:
        distribution: of each photo's age, shape (n, 117); rows add up to 1.
        share: above 0 and below 1.

    Returns:
        Years, shape (n, 1).
    """
    below = keras.ops.cumsum(distribution, axis=-1) - distribution
    # Which part of each year lies below the quantile: all, none, or in between for one of them.
    parts = keras.ops.clip((share - below) / keras.ops.maximum(distribution, 1e-9), 0.0, 1.0)
    return keras.ops.sum(parts, axis=-1, keepdims=True) - 0.5
