"""What other cameras, other crops and other people's files do to a photo's pixels.

Blurring and resampling are linear along each axis, so each is a matrix per photo, applied to its
rows and columns: one batched product on any device, with other strengths for each photo.
"""

import math

import tensorflow as tf

from agegender.augmentation.draws import Draws

# Standard deviation of a Gaussian blur in pixels, at 128 pixels a side.
BLUR_SIGMA = (0.3, 2.0)
# How much of the difference to the blurred photo sharpening adds.
SHARPENING = (0.5, 3.0)
# Size that a photo is brought to before it is enlarged again.
DOWNSCALE = (0.25, 1.0)
# Standard deviation of Gaussian noise, of 255.
NOISE_SIGMA = (0.0, 0.08)
JPEG_QUALITY = (15, 80)
# Of red, green and blue: ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)


def grayscale(images: tf.Tensor, draw: Draws) -> tf.Tensor:
    """Without color."""
    return tf.broadcast_to(tf.reduce_sum(images * LUMA, 3, keepdims=True), tf.shape(images))


def blurred(images: tf.Tensor, draw: Draws) -> tf.Tensor:
    """By a Gaussian kernel."""
    size = images.shape[1]
    sigma = draw.image(*BLUR_SIGMA)[..., 0] * size / 128
    places = tf.range(size, dtype=tf.float32)
    weights = tf.exp(-0.5 * ((places[:, tf.newaxis] - places) / sigma) ** 2)
    return _along_both_axes(images, _normalized(weights))


def sharpened(images: tf.Tensor, draw: Draws) -> tf.Tensor:
    """By an unsharp mask."""
    return images + draw.image(*SHARPENING) * (images - blurred(images, draw))


def resampled(images: tf.Tensor, draw: Draws) -> tf.Tensor:
    """Made smaller and enlarged again, each by a linear, a cubic or a Lanczos kernel."""
    size = images.shape[1]
    small = tf.round(size * draw.image(*DOWNSCALE)[..., 0])
    scale = small / size
    places = tf.range(size, dtype=tf.float32)[tf.newaxis, :]
    # Rows are pixels of the small photo, of which there are fewer than rows, columns of the whole.
    centers = ((places + 0.5) / scale[..., 0] - 0.5)[..., tf.newaxis]
    exists = tf.cast(places < small[..., 0], tf.float32)[..., tf.newaxis]
    down = _normalized(_kernel((centers - places[:, tf.newaxis]) * scale, draw) * exists)
    positions = ((places + 0.5) * scale[..., 0] - 0.5)[..., tf.newaxis]
    up = _kernel(positions - places[:, tf.newaxis], draw) * tf.linalg.matrix_transpose(exists)
    return _along_both_axes(images, _normalized(up) @ down)


def noisy(images: tf.Tensor, draw: Draws) -> tf.Tensor:
    """With Gaussian noise."""
    return images + 255 * draw.image(*NOISE_SIGMA) * draw.normal(tf.shape(images))


def compressed(images: tf.Tensor, draw: Draws) -> tf.Tensor:
    """As JPEG."""
    quality = tf.cast(draw.flat(*JPEG_QUALITY), tf.int32)

    def through_jpeg(arguments: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image, quality = arguments
        pixels = tf.cast(tf.round(image), tf.uint8)
        return tf.cast(tf.image.adjust_jpeg_quality(pixels, quality), tf.float32)

    spec = tf.TensorSpec(images.shape[1:], tf.float32)
    return tf.map_fn(through_jpeg, (images, quality), fn_output_signature=spec)


def _kernel(distance: tf.Tensor, draw: Draws) -> tf.Tensor:
    """Weights at these distances of a linear, a cubic or a Lanczos kernel, drawn per photo."""
    far = tf.abs(distance)
    linear = tf.maximum(1 - far, 0)
    # Keys, Cubic convolution interpolation, IEEE TASSP 1981, with a = -0.5.
    near = (1.5 * far - 2.5) * far * far + 1
    cubic = tf.where(far < 1, near, tf.where(far < 2, ((2.5 - 0.5 * far) * far - 4) * far + 2, 0))
    turns = math.pi * tf.maximum(far, 1e-6)
    lanczos = tf.where(far < 3, 3 * tf.sin(turns) * tf.sin(turns / 3) / turns**2, 0)
    which = draw.image(0, 3)[..., 0]
    return tf.where(which < 1, linear, tf.where(which < 2, cubic, lanczos))


def _normalized(weights: tf.Tensor) -> tf.Tensor:
    return tf.math.divide_no_nan(weights, tf.reduce_sum(weights, axis=-1, keepdims=True))


def _along_both_axes(images: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Each photo's columns and rows multiplied by its matrix, shape (n, size, size)."""
    down = tf.einsum("nij,njkc->nikc", matrix, images)
    return tf.einsum("nij,nkjc->nkic", matrix, down)
