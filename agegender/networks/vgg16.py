"""VGG16 with a head: what is trained on the embeddings, and what is saved."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from agegender.networks.heads import Head, answering
from agegender.networks.network import Network, computing_in, pixels
from agegender.networks.vgg16_base import Base
from agegender.parameters.train_vgg16 import TrainVgg16


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
        to_save: in float32, for everyone's processor; else as it is trained fastest.
    """
    with computing_in("float32" if to_save else options.precision):
        normalize = None
        if options.batch_normalization:
            # In training on several GPUs or machines, over the photos of all.
            everywhere = tf.distribute.has_strategy()
            normalize = keras.layers.BatchNormalization(synchronized=everywhere, name="norm")
        head = Head(tasks, options, first_age)

        def from_cut(embedding: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
            pooled = base.finish(embedding)
            return head(normalize(pooled) if normalize else pooled)

        image = pixels(image_size)
        embedding = keras.Input(base.embed(image).shape[1:], name="embedding")
        return Network(
            trained=keras.Model(embedding, from_cut(embedding), name="vgg16_trained"),
            saved=answering(image, lambda x: from_cut(base.embed(x)), head, options, "vgg16"),
            pretrained=[weight for layer in base.trainable for weight in layer.trainable_weights],
        )
