"""Cutting a square out of a photo: turned, scaled, and as soft as training photos are."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

# Standard deviation of the Gaussian blur in pixels of the crop. Crops out of large photos are far
# sharper than the photos that models learn from, which moves ages by years; see docs/predict.md.
SOFTNESS = 0.8


def warp(
    photo: Image.Image, matrix: NDArray[np.float64], size: int, softness: float = SOFTNESS
) -> Image.Image:
    """What a similarity transform of ``photo`` brings into a square.

    It is sampled at twice the size, after the photo was averaged to that resolution, and then
    halved: so nothing is left of detail that the square cannot show. Beyond the photo's edge the
    edge is repeated.

    Args:
        photo: RGB.
        matrix: from a point of the photo to one of the square, both in pixels, shape (2, 3).
        size: pixels a side of the square.
        softness: standard deviation of the blur, in pixels of the square.
    """
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    region, left, top = _region(photo, inverse, size)
    # Pixels of the photo for each of the doubled square.
    step = math.hypot(inverse[0, 0], inverse[1, 0]) / 2
    factor = max(1, math.ceil(step))
    reduced = region.reduce(factor)
    to_reduced = np.diag([1 / factor, 1 / factor, 1]) @ [[1, 0, -left], [0, 1, -top], [0, 0, 1]]
    to_reduced = to_reduced @ inverse @ np.diag([0.5, 0.5, 1])
    doubled = reduced.transform(
        (2 * size, 2 * size),
        Image.Transform.AFFINE,
        tuple(to_reduced[:2].ravel()),
        Image.Resampling.BICUBIC,
    )
    square = doubled.resize((size, size), Image.Resampling.BOX)
    return square.filter(ImageFilter.GaussianBlur(softness)) if softness else square


def _region(
    photo: Image.Image, inverse: NDArray[np.float64], size: int
) -> tuple[Image.Image, int, int]:
    """The part of the photo that the square shows and a margin, and where it begins.

    What lies outside the photo repeats its edge.
    """
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]]) @ inverse.T
    # What filters look at around a pixel.
    margin = 4 * math.hypot(inverse[0, 0], inverse[1, 0]) + 4
    left, top = np.floor(corners[:, :2].min(0) - margin).astype(int)
    right, bottom = np.ceil(corners[:, :2].max(0) + margin).astype(int)
    inside = (
        min(max(left, 0), photo.width - 1),
        min(max(top, 0), photo.height - 1),
        max(min(right, photo.width), 1),
        max(min(bottom, photo.height), 1),
    )
    inside = (*inside[:2], max(inside[2], inside[0] + 1), max(inside[3], inside[1] + 1))
    pixels = np.asarray(photo.crop(inside))
    width = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]), (0, 0))
    return Image.fromarray(np.pad(pixels, np.maximum(width, 0), mode="edge")), int(left), int(top)
