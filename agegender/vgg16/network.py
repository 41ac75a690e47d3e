"""VGG16 with a head: what is trained on the embeddings, and what is saved."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from agegender.networks.network import Network, pixels
from agegender.networks.precision import computing_in
from agegender.training.heads import Head
from agegender.training.members import Member, assembled
from agegender.training.normalization import normalization
from agegender.vgg16.frozen import backbone as vgg16_base
from agegender.vgg16.frozen.backbone import Base
from agegender.vgg16.normalized import normalized
from agegender.vgg16.parameters import TrainVgg16


def layers(
    options: TrainVgg16,
    image_size: int,
    weights: Mapping[str, np.ndarray] | None,
    to_save: bool = False,
) -> Base:
    """VGG16's own layers as these options have them.

    Where they have batch normalisation, `vgg16_normalized.calibrate` is to be called before
    training.

    Args:
        options: how much is trained, in what precision, with or without batch normalisation.
        image_size: pixels a side.
        weights: see `vgg16_base.base`.
        to_save: see `build`.
    """
    precision = "float32" if to_save else options.precision
    made = vgg16_base.base(image_size, options.unfreeze, weights, precision)
    if options.backbone_batch_normalization:
        return normalized(made, normalization(to_save), precision)
    return made


def build(
    options: TrainVgg16,
    base: Base,
    image_size: int,
    tasks: Sequence[str],
    first_age: float = 0.0,
    to_save: bool = False,
) -> Network:
    """VGG16 with a head. With 256 dense units and one task: 14,846,273 parameters.

    Args:
        options: of the head, and the precision.
        base: VGG16's layers; their weights are shared with what is returned.
        image_size: pixels a side.
        tasks: ``gender``, ``age`` or both.
        first_age: years that the untrained network answers.
        to_save: all members, in float32, for everyone's processor; else one, as it is trained
            fastest.
    """
    with computing_in("float32" if to_save else options.precision):
        members = []
        for number in range(options.ensemble_size if to_save else 1):
            own = base.twin() if number else base
            member = Member(_layers(options, own), Head(tasks, options, first_age))
            members.append(member.numbered(number))
        return assembled(members, pixels(image_size), base.embed, options, "vgg16", base.pretrained)


def _layers(options: TrainVgg16, base: Base) -> list[keras.layers.Layer]:
    """From the cut to the vector of features."""
    found = list(base.above)
    if options.batch_normalization:
        # In training on several GPUs or machines, over the photos of all.
        everywhere = tf.distribute.has_strategy()
        found.append(keras.layers.BatchNormalization(synchronized=everywhere, name="norm"))
    return found
