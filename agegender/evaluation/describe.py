"""A network in numbers: its layers, their shapes and parameters."""

import math
from collections.abc import Sequence
from typing import Any

import keras


def parameter_counts(model: keras.Model) -> dict[str, int]:
    """``total``, ``trainable`` and ``frozen`` parameters.

    Frozen are those of layers that training does not change. What is in neither count are the
    moving averages of batch normalization.
    """
    frozen = [layer for layer in model.layers if not layer.trainable_weights]
    return {
        "total": _size(model.weights),
        "trainable": _size(model.trainable_weights),
        "frozen": _size([weight for layer in frozen for weight in layer.weights]),
    }


def _size(weights: Sequence[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def layers(model: keras.Model) -> list[dict[str, Any]]:
    """One row per layer, in forward order; a layer that is applied several times has one, too.

    Returns:
        ``name``, ``kind`` (Keras's class), ``output_shape`` (without the batch), ``parameters``,
        ``trainable`` (whether training changes any), and ``formula``, by which the parameters are
        counted (· is times), empty where there are none.
    """
    return [
        {
            "name": layer.name,
            "kind": type(layer).__name__,
            "output_shape": list(layer.output.shape[1:]),
            "parameters": layer.count_params() if layer.weights else 0,
            "trainable": bool(layer.trainable_weights),
            "formula": _formula(layer),
        }
        for layer in model.layers
    ]


def _formula(layer: keras.layers.Layer) -> str:
    if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
        *inputs, units = layer.kernel.shape
        product = "·".join(map(str, inputs))
        return f"({product} + 1)·{units}" if layer.use_bias else f"{product}·{units}"
    if isinstance(layer, keras.layers.BatchNormalization):
        return f"{len(layer.weights)}·{layer.moving_mean.shape[0]}"
    return ""
