"""Occlusion maps as pictures: a map over the mean face."""

import base64
import io

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from agegender.common.pictures import data_url

# Pixels a side; the page shows it smaller, for sharp screens.
_SIDE = 256
_COLOR = (213, 94, 0)
# Opacity of the largest value.
_OPACITY = 0.85


def overlay(face: str, values: ArrayLike) -> str:
    """A map laid over a face in gray: the more a value, the more opaque its color.

    Args:
        face: the ``data:`` address of a PNG.
        values: of the map, at least 0, shape (rows, columns).

    Returns:
        the ``data:`` address of a JPEG.
    """
    content = base64.b64decode(face.partition(",")[2])
    size = (_SIDE, _SIDE)
    gray = Image.open(io.BytesIO(content)).convert("L").resize(size, Image.Resampling.BICUBIC)
    shares = np.asarray(values, dtype=np.float32)
    shares = shares / (shares.max() or 1.0)
    smooth = Image.fromarray(shares, "F").resize(size, Image.Resampling.BICUBIC)
    mask = Image.fromarray((255 * _OPACITY * np.asarray(smooth).clip(0, 1)).astype(np.uint8))
    picture = Image.composite(Image.new("RGB", size, _COLOR), gray.convert("RGB"), mask)
    return data_url(picture, "JPEG", quality=85, optimize=True)
