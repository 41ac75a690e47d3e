"""Random changes of photos, a function of the photos, the parameters and a key.

A whole batch is changed at once by TensorFlow's own operations, which takes a small part of a
training step's time. The random numbers are drawn from the key alone (stateless), so that an epoch
sees the same changes whenever and however often it runs.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from agegender.augmentation import degradation
from agegender.augmentation.draws import Draws
from agegender.augmentation.parameters import Augmentation
from agegender.networks.datasets import BatchTransform

# Share of a photo's area that an erased rectangle covers, and how far its sides' ratio may go.
# Source: Zhong et al., Random Erasing Data Augmentation, AAAI 2020, arXiv:1708.04896.
ERASED_AREA = (0.02, 0.25)
ERASED_RATIO = 3.0


def transform(options: Augmentation) -> BatchTransform | None:
    """What a batch of training photos goes through; None where the options change nothing."""
    if not any(options.model_dump().values()):
        return None
    return lambda images, key: augment(images, options, key)


def augment(images: tf.Tensor, options: Augmentation, key: Any) -> tf.Tensor:
    """The photos, each changed at random within the bounds of ``options``.

    Args:
        images: 0 to 255, shape (n, height, width, 3); float32 is returned.
        options: how far each change may go.
        key: two integers, shape (2,); equal ones give equal changes.
    """
    draw = Draws(tf.shape(images)[0], key)
    images = tf.cast(images, tf.float32)
    if options.flip or options.rotation or options.shift or options.zoom:
        images = _moved(images, options, draw)
    if options.contrast:
        mean = tf.reduce_mean(images, axis=(1, 2), keepdims=True)
        images = mean + (images - mean) * draw.image(1 - options.contrast, 1 + options.contrast)
    if options.brightness:
        images += 255 * draw.image(-options.brightness, options.brightness)
    if options.color:
        gains = [draw.image(1 - options.color, 1 + options.color) for _ in range(3)]
        images *= tf.concat(gains, axis=3)
    images = tf.clip_by_value(images, 0.0, 255.0)
    for probability, degrade in (
        (options.grayscale, degradation.grayscale),
        (options.blur, degradation.blurred),
        (options.sharpen, degradation.sharpened),
        (options.downscale, degradation.resampled),
        (options.noise, degradation.noisy),
        (options.jpeg, degradation.compressed),
    ):
        if probability:
            images = _some(images, probability, degrade, draw)
    if options.erasing:
        images = _erased(images, options.erasing, draw)
    return images


def _some(
    images: tf.Tensor,
    probability: float,
    degrade: Callable[[tf.Tensor, Draws], tf.Tensor],
    draw: Draws,
) -> tf.Tensor:
    """Each photo degraded with this probability; the others cost nothing."""
    chosen = tf.where(draw.flat(0, 1) < probability)
    degraded = degrade(tf.gather_nd(images, chosen), draw.others(tf.shape(chosen)[0]))
    degraded = tf.clip_by_value(degraded, 0.0, 255.0)
    return tf.tensor_scatter_nd_update(images, chosen, degraded)


def _moved(images: tf.Tensor, options: Augmentation, draw: Draws) -> tf.Tensor:
    """Mirrored, turned, shifted and zoomed by one affine map; what was outside repeats the edge."""
    height, width = images.shape[1], images.shape[2]
    angle = draw.flat(-options.rotation, options.rotation) * math.pi / 180
    scale = draw.flat(1 - options.zoom, 1 + options.zoom)
    across = draw.flat(-options.shift, options.shift) * width
    down = draw.flat(-options.shift, options.shift) * height
    mirrored = tf.ones_like(angle)
    if options.flip:
        mirrored = tf.where(draw.flat(0, 1) < 0.5, -1.0, 1.0)
    cosine, sine = tf.cos(angle) * scale, tf.sin(angle) * scale
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    # Where in the given photo, (x, y), each pixel of the new one comes from.
    zeros = tf.zeros_like(angle)
    rows = [
        mirrored * cosine,
        -mirrored * sine,
        middle_x + across - mirrored * (cosine * middle_x - sine * middle_y),
        sine,
        cosine,
        middle_y + down - (sine * middle_x + cosine * middle_y),
        zeros,
        zeros,
    ]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack(rows, axis=1),
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _erased(images: tf.Tensor, chance: float, draw: Draws) -> tf.Tensor:
    """With this chance a rectangle of a photo is gray."""
    height, width = images.shape[1], images.shape[2]
    area = draw.flat(*ERASED_AREA) * height * width
    ratio = tf.exp(draw.flat(-math.log(ERASED_RATIO), math.log(ERASED_RATIO)))
    tall = tf.minimum(tf.sqrt(area * ratio), float(height))
    wide = tf.minimum(tf.sqrt(area / ratio), float(width))
    top = draw.flat(0, 1) * (height - tall)
    left = draw.flat(0, 1) * (width - wide)
    taken = tf.cast(draw.flat(0, 1) < chance, tf.float32)

    def within(size: int, start: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        places = tf.range(size, dtype=tf.float32)[tf.newaxis, :]
        start, length = start[:, tf.newaxis], length[:, tf.newaxis]
        return tf.cast((places >= start) & (places < start + length), tf.float32)

    rows = within(height, top, tall)[:, :, tf.newaxis, tf.newaxis]
    columns = within(width, left, wide)[:, tf.newaxis, :, tf.newaxis]
    hidden = rows * columns * taken[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return images * (1 - hidden) + 127.5 * hidden
