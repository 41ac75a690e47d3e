"""What both networks are to the code that trains and saves them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import keras
import numpy as np


@dataclass(frozen=True)
class Network:
    """Two views of the same layers, which share their weights.

    Attributes:
        members: from what training starts with (pixels, or embeddings) to the raw answers; one,
            or in a model to be saved all that it answers with the mean of.
        saved: from pixels, shape (n, image_size, image_size, 3), 0 to 255, RGB, to a dict of
            ``gender``, shape (n, 1), P(female), and ``age``, shape (n, 1), years, 0 to 116.
        pretrained: the trainable weights that do not start at random.
    """

    members: Sequence[keras.Model]
    saved: keras.Model
    pretrained: Sequence[keras.Variable] = field(default=())

    @property
    def trained(self) -> keras.Model:
        """The first member, which in training is the only one."""
        return self.members[0]


def pixels(image_size: int) -> keras.KerasTensor:
    """The input of a saved model: RGB, 0 to 255, shape (n, image_size, image_size, 3)."""
    return keras.Input((image_size, image_size, 3), name="image")


def with_weights(weights: Sequence[Sequence[np.ndarray]], to_save: Network) -> keras.Model:
    """The model to be saved, with the weights that the training of each member ended in."""
    for member, values in zip(to_save.members, weights, strict=True):
        member.set_weights(values)
    return to_save.saved
