"""From a vector of features to gender and age."""

from collections.abc import Mapping, Sequence

import keras

# UTKFace's labels end here, and so do the models' answers.
OLDEST = 116.0


class Head:
    """Dense layers with ReLU, dropout behind the last of them, and one unit a task.

    Calling it a second time applies the same layers, with the same weights, to other features.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        dense_units: Sequence[int],
        dropout: float,
        first_age: float = 0.0,
    ) -> None:
        """Make the layers.

        Args:
            tasks: ``gender``, ``age`` or both.
            dense_units: of each dense layer in turn; none leaves the features as they are.
            dropout: share of the last layer's units set to 0 in training; 0 adds no layer.
            first_age: years that the untrained age unit answers, its bias. From 0, the first
                epochs would go into growing features that reach people's ages.
        """
        self._hidden: list[keras.layers.Layer] = [
            keras.layers.Dense(units, activation="relu", name=f"dense{index}")
            for index, units in enumerate(dense_units, start=1)
        ]
        if dropout:
            self._hidden.append(keras.layers.Dropout(dropout, name="dropout"))
        units = {
            "gender": keras.layers.Dense(1, activation="sigmoid", name="gender"),
            "age": keras.layers.Dense(
                1, bias_initializer=keras.initializers.Constant(first_age), name="age"
            ),
        }
        self._units = {task: units[task] for task in tasks}

    def __call__(self, features: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        """The answers: ``gender``, shape (n, 1), P(female); ``age``, shape (n, 1), years."""
        for layer in self._hidden:
            features = layer(features)
        return {task: unit(features) for task, unit in self._units.items()}


def within_bounds(answers: Mapping[str, keras.KerasTensor]) -> dict[str, keras.KerasTensor]:
    """The answers with the age kept within 0 to 116 years.

    Only for the saved model: while training, an age that is cut off would have no gradient.
    """
    bounded = dict(answers)
    if "age" in bounded:
        bounds = keras.layers.ReLU(max_value=OLDEST, name="age_within_bounds")
        bounded["age"] = bounds(bounded["age"])
    return bounded
