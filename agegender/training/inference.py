"""From trained networks to the model that is saved: pixels in, P(female) and years out.

An ensemble's networks differ by their seeds; the mean of their outputs is nearer to the truth than
each (Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017, arXiv:1612.01474). Test-time
augmentation takes the mean over views of a photo as well.
"""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from agegender.networks.views import OVER_VIEWS
from agegender.training.heads import Outputs, answer, shares
from agegender.training.parameters import Training

Embed = Callable[[keras.KerasTensor], keras.KerasTensor]


def for_export(model: keras.Model, number: int = 0) -> keras.Model:
    """A copy with the same weights, in float32 and of Keras's own layers, for every loader.

    Args:
        model: a network as it is trained.
        number: of an ensemble's network, from 0; its layers get names of their own.
    """

    def exported(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config() | {"dtype": "float32"}
        if number:
            config["name"] = f"member{number + 1}_{layer.name}"
        if isinstance(layer, keras.layers.BatchNormalization):
            return keras.layers.BatchNormalization.from_config(config | {"synchronized": False})
        return type(layer).from_config(config)

    # Without its optimizer and losses, which would be copied, too.
    plain = keras.Model(model.input, model.output, name=model.name)
    copy = keras.models.clone_model(plain, clone_function=exported)
    copy.set_weights(model.get_weights())
    return copy


def inference_model(
    networks: Sequence[keras.Model],
    image_size: int,
    options: Training,
    name: str,
    embed: Embed = lambda image: image,
) -> keras.Model:
    """The model that is saved.

    Args:
        networks: of an ensemble, or one, as `for_export` returns them.
        image_size: pixels a side.
        options: the views of each photo that the outputs are the mean over, and the age head.
        name: of the model.
        embed: from pixels to what the networks were trained on, for all networks alike.

    Returns:
        From pixels, RGB, 0 to 255, shape (n, image_size, image_size, 3), to what `answer` returns.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    of_views = []
    for number, view in enumerate(_views(image, options), start=1):
        features = embed(view)
        of_networks = [shares(_apply(network, features), options) for network in networks]
        of_views.append(_mean(of_networks, f"_of_view{number}"))
    return keras.Model(image, answer(_mean(of_views, OVER_VIEWS), options), name=name)


def _views(image: keras.KerasTensor, options: Training) -> list[keras.KerasTensor]:
    views = [image, *[_zoom(image, zoom) for zoom in options.tta_zooms]]
    if options.tta_flip:
        views += [keras.ops.flip(view, axis=2) for view in views]
    return views


def _zoom(image: keras.KerasTensor, zoom: float) -> keras.KerasTensor:
    """The photos enlarged about their center, or made smaller, which repeats their edge.

    A crop or a padding by whole pixels with a resize, since every runtime has these operations.
    """
    size = image.shape[1]
    margin = round((size - size / zoom) / 2)
    if margin > 0:
        image = keras.layers.Cropping2D(margin)(image)
    elif margin < 0:
        inside = np.clip(np.arange(margin, size - margin), 0, size - 1)
        for axis in (1, 2):
            image = keras.ops.take(image, inside, axis=axis)
    return keras.ops.image.resize(image, (size, size), interpolation="bilinear")


def _apply(network: keras.Model, x: keras.KerasTensor) -> Outputs:
    """The outputs of a network on ``x``, its layers becoming layers of the model being built.

    So a saved model is one flat list of layers, which a summary shows. Networks are a chain of
    layers with an output layer for each task at its end.
    """
    tasks = {tensor._keras_history.operation.name: task for task, tensor in network.output.items()}
    outputs = {}
    for layer in network.layers[1:]:
        if layer.name in tasks:
            outputs[tasks[layer.name]] = layer(x)
        else:
            x = layer(x)
    return {task: outputs[task] for task in network.output}


def _mean(outputs: Sequence[Mapping[str, keras.KerasTensor]], suffix: str) -> Outputs:
    """Each task's mean output, by a layer whose name is the task's and this suffix."""
    if len(outputs) == 1:
        return dict(outputs[0])
    return {
        task: keras.layers.Average(dtype="float32", name=f"{task}{suffix}")(
            [each[task] for each in outputs]
        )
        for task in outputs[0]
    }
