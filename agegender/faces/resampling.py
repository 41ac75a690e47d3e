"""Cutting a square out of a photo: turned, scaled, and as soft as training photos are."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from agegender.faces.alignment import invert

# Standard deviation of the Gaussian blur in pixels of the crop. Crops out of large photos are far
# sharper than the photos that models learn from, which moves ages by years; see docs/predict.md.
SOFTNESS = 0.4


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
    inverse = np.vstack([invert(matrix), [0, 0, 1]])
    # Pixels of the photo for each of the doubled square.
    step = math.hypot(inverse[0, 0], inverse[1, 0]) / 2
    factor = max(1, math.ceil(step))
    reduced, left, top = _reduce(photo, inverse, size, factor)
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


def _reduce(
    photo: Image.Image, inverse: NDArray[np.float64], size: int, factor: int
) -> tuple[Image.Image, int, int]:
    """The part of the photo that the square shows and a margin, ``factor`` times smaller.

    What lies outside the photo repeats its edge. Also where in the photo it begins, left and top.
    """
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]]) @ inverse.T
    # What filters look at around a pixel.
    margin = 4 * math.hypot(inverse[0, 0], inverse[1, 0]) + 4
    low = np.floor(corners[:, :2].min(0) - margin).astype(int)
    high = np.ceil(corners[:, :2].max(0) + margin).astype(int)
    # At least a pixel of the photo, even where the square lies outside it.
    first = np.clip(low, 0, np.array(photo.size) - 1)
    last = np.maximum(np.clip(high, 0, photo.size), first + 1)
    box = (int(first[0]), int(first[1]), int(last[0]), int(last[1]))
    inside = photo.reduce(factor, box) if factor > 1 else photo.crop(box)
    before = np.maximum(first - low, 0) // factor + 1
    after = np.maximum(high - last, 0) // factor + 1
    width = ((before[1], after[1]), (before[0], after[0]), (0, 0))
    if (low < 0).any() or (high > photo.size).any():
        inside = Image.fromarray(np.pad(np.asarray(inside), width, mode="edge"))
        first = first - before * factor
    return inside, int(first[0]), int(first[1])
