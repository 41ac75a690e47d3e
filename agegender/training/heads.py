"""From a vector of features to gender and age: what is trained, and what a saved model returns."""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from agegender.photos.labels import MAX_AGE
from agegender.training.parameters import Training

# Ages for which the head `distribution` tells how likely each is: 0 to 116 years.
AGE_BINS = np.arange(MAX_AGE + 1, dtype=np.float32)

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


def postprocess(options: Training) -> Callable[[Mapping[str, keras.KerasTensor]], Outputs]:
    """What turns a head's outputs into a saved model's: P(female), and years within 0 to 116."""
    bounds = keras.layers.ReLU(max_value=float(MAX_AGE), dtype="float32", name="age_within_bounds")
    softmax = keras.layers.Softmax(dtype="float32", name="age_distribution")
    expectation = keras.layers.Dense(
        1, use_bias=False, trainable=False, dtype="float32", name="age_expectation"
    )
    expectation.build((None, len(AGE_BINS)))
    expectation.set_weights([AGE_BINS[:, np.newaxis]])

    def finish(outputs: Mapping[str, keras.KerasTensor]) -> Outputs:
        finished = dict(outputs)
        if "age" in finished:
            age = finished["age"]
            if options.age_head == "distribution":
                distribution = softmax(age)
                age = (
                    median(distribution)
                    if options.age_estimate == "median"
                    else expectation(distribution)
                )
            finished["age"] = bounds(age)
        return finished

    return finish


def median(distribution: keras.KerasTensor) -> keras.KerasTensor:
    """The age that half of a distribution lies below: no other has a lower expected error.

    A year's share is spread evenly over the year around its age, so that an even distribution of
    all 117 years has the median 58.

    Args:
        distribution: of each photo's age, shape (n, 117); rows add up to 1.

    Returns:
        Years, shape (n, 1).
    """
    below = keras.ops.cumsum(distribution, axis=-1) - distribution
    # Which part of each year lies below the median: all, none, or in between for one of them.
    parts = keras.ops.clip((0.5 - below) / keras.ops.maximum(distribution, 1e-9), 0.0, 1.0)
    return keras.ops.sum(parts, axis=-1, keepdims=True) - 0.5
