"""Measuring the template of crops on training photos."""

from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from agegender.faces.detection import Detector
from agegender.faces.template import Template

# Pixels a side at which the detector sees the photos: at half of that it misplaces the eyes of
# tightly cropped faces.
SIZE = 256
_BATCH = 16


def measure(
    photos: Iterable[NDArray[np.uint8]], detector: Detector
) -> tuple[Template, NDArray[np.uint8]]:
    """The template of ``photos``, RGB, of shape (SIZE, SIZE, 3) each, and their mean.

    Only photos with exactly one face count.
    """
    count, faces, total = 0, [], np.zeros((SIZE, SIZE, 3))
    remaining = iter(photos)
    while batch := list(islice(remaining, _BATCH)):
        for photo, found in zip(batch, detector(np.stack(batch)), strict=True):
            if len(found) == 1:
                faces.append(found[0].landmarks / SIZE)
                total += photo
        count += len(batch)
    mean = (total / max(1, len(faces))).round().astype(np.uint8)
    return Template.measure(faces, count), mean


def draw(template: Template, mean: NDArray[np.uint8]) -> Image.Image:
    """The mean photo with each landmark, and around it an ellipse of its standard deviation."""
    picture = Image.fromarray(mean).resize((2 * SIZE, 2 * SIZE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for (x, y), (dx, dy) in zip(template.landmarks, template.spread, strict=True):
        x, y, dx, dy = (2 * SIZE * each for each in (x, y, dx, dy))
        pen.ellipse((x - dx, y - dy, x + dx, y + dy), outline="white", width=2)
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill="white", outline="black")
    return picture
