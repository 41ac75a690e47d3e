"""From members to a network: what is trained of it, and what is saved.

A member is what training makes: layers with a head. Its answers differ a little from those of
another that was trained by another seed, and their mean is nearer to the truth than either.
Source: Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017, arXiv:1612.01474.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from agegender.networks.network import Network
from agegender.training.heads import Head
from agegender.training.parameters import Training


@dataclass(frozen=True)
class Member:
    """The layers of one network and its head.

    Attributes:
        layers: from what training starts with to the vector of features.
        head: from there to the answers.
    """

    layers: Sequence[keras.layers.Layer]
    head: Head

    def raw(self, x: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        """What training works on, see `Head.__call__`."""
        for layer in self.layers:
            x = layer(x)
        return self.head(x)

    def answer(self, x: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        """The finished answers, see `Head.finish`."""
        return self.head.finish(self.raw(x))

    def numbered(self, number: int) -> "Member":
        """The same, by names that no member of another number, from 0, has."""
        if number:
            for layer in [*self.layers, *self.head.layers]:
                layer.name = f"member{number + 1}_{layer.name}"
        return self


def assembled(
    members: Sequence[Member],
    image: keras.KerasTensor,
    embed: Callable[[keras.KerasTensor], keras.KerasTensor],
    options: Training,
    name: str,
    pretrained: Sequence[keras.Variable] = (),
) -> Network:
    """The network of these members.

    Args:
        members: one, or in a model to be saved all of them.
        image: pixels, see `pixels`.
        embed: from them to what training starts with, which all members have in common; it may be
            the pixels themselves.
        options: what an answer is the mean over: the mirror image too, and which other sizes.
        name: of the model.
        pretrained: the weights that do not start at random.
    """
    start = embed(image)
    if start is not image:
        start = keras.Input(start.shape[1:], name="embedding")
    trained = [keras.Model(start, member.raw(start), name=f"{name}_trained") for member in members]
    seen = [image, *[_zoomed(image, zoom) for zoom in options.tta_zooms]]
    if options.tta_flip:
        seen += [keras.ops.flip(view, axis=2) for view in seen]
    every = [member.answer(view) for view in map(embed, seen) for member in members]
    answers = every[0]
    if len(every) > 1:
        answers = {
            task: keras.layers.Average(dtype="float32", name=f"{task}_mean")(
                [answers[task] for answers in every]
            )
            for task in answers
        }
    return Network(trained, keras.Model(image, answers, name=name), pretrained)


def _zoomed(image: keras.KerasTensor, zoom: float) -> keras.KerasTensor:
    """The photos enlarged around their middle, or made smaller, which repeats their edge."""
    _, height, width, _ = image.shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    # Where in the given photo, (x, y), each pixel of the new one comes from.
    step = 1 / zoom
    across, down = middle_x * (1 - step), middle_y * (1 - step)
    return keras.ops.image.affine_transform(
        image,
        np.array([step, 0, across, 0, step, down, 0, 0], np.float32),
        interpolation="bilinear",
        fill_mode="nearest",
    )
