"""From a vector of features to gender and age."""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from agegender.training.parameters import Training

# UTKFace's labels end here, and so do the models' answers.
OLDEST = 116.0
# Ages of which the head `distribution` tells how likely each is: 0 to 116 years.
YEARS = np.arange(int(OLDEST) + 1, dtype=np.float32)


class Head:
    """Dense layers with ReLU, dropout behind the last of them, and the units of each task.

    Calling it a second time applies the same layers, with the same weights, to other features.
    """

    def __init__(self, tasks: Sequence[str], options: Training, first_age: float = 0.0) -> None:
        """Make the layers.

        Args:
            tasks: ``gender``, ``age`` or both.
            options: the units of each dense layer in turn (none leaves the features as they are);
                the dropout behind the last; and for age, ``linear``, one unit in years, or
                ``distribution``, a unit a year whose softmax is the distribution of age, with its
                expectation or median for the answer.
                Source: Rothe, Timofte and Van Gool, DEX, ICCV Workshops 2015.
            first_age: years that the untrained linear unit answers, its bias. From 0, the first
                epochs would go into growing features that reach people's ages.
        """
        self._hidden: list[keras.layers.Layer] = [
            keras.layers.Dense(units, activation="relu", name=f"dense{index}")
            for index, units in enumerate(options.dense_units, start=1)
        ]
        if options.dropout:
            self._hidden.append(keras.layers.Dropout(options.dropout, name="dropout"))
        # Their sums and the losses are float32, also where the layers before them are not.
        self._units: dict[str, keras.layers.Layer] = {}
        self._finish: dict[str, list[Callable[[keras.KerasTensor], keras.KerasTensor]]] = {}
        if "gender" in tasks:
            self._units["gender"] = keras.layers.Dense(
                1, activation="sigmoid", dtype="float32", name="gender"
            )
            self._finish["gender"] = []
        if "age" in tasks and options.age_head == "distribution":
            self._units["age"] = keras.layers.Dense(len(YEARS), dtype="float32", name="age_logits")
            softmax = keras.layers.Softmax(dtype="float32", name="age_distribution")
            estimate = median if options.age_estimate == "median" else _expectation()
            self._finish["age"] = [softmax, estimate]
        elif "age" in tasks:
            bias = keras.initializers.Constant(first_age)
            self._units["age"] = keras.layers.Dense(
                1, bias_initializer=bias, dtype="float32", name="age"
            )
            self._finish["age"] = []
        if "age" in tasks:
            # Only for the saved model: in training, an age that is cut off has no gradient.
            self._finish["age"].append(
                keras.layers.ReLU(max_value=OLDEST, dtype="float32", name="age_within_bounds")
            )

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """All of them."""
        finishing = [step for steps in self._finish.values() for step in steps]
        return [
            *self._hidden,
            *self._units.values(),
            *[step for step in finishing if isinstance(step, keras.layers.Layer)],
        ]

    def __call__(self, features: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        """The raw answers that training works on.

        Returns:
            ``gender``, shape (n, 1), P(female); ``age``, shape (n, 1), years, or shape (n, 117),
            the logits of each year.
        """
        for layer in self._hidden:
            features = layer(features)
        return {task: unit(features) for task, unit in self._units.items()}

    def finish(self, raw: Mapping[str, keras.KerasTensor]) -> dict[str, keras.KerasTensor]:
        """The answers of a saved model: P(female), and years within 0 to 116, shape (n, 1) each."""
        answers = dict(raw)
        for task, layers in self._finish.items():
            for layer in layers:
                answers[task] = layer(answers[task])
        return answers


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


def _expectation() -> keras.layers.Layer:
    layer = keras.layers.Dense(
        1, use_bias=False, trainable=False, dtype="float32", name="age_expectation"
    )
    layer.build((None, len(YEARS)))
    layer.set_weights([YEARS[:, np.newaxis]])
    return layer
