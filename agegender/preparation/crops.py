"""Photos next to a crop of their own, as UTKFace has them: in the wild, and aligned and cropped."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from agegender.common.parallel import parallel_map
from agegender.common.progress import progress_bar
from agegender.preparation import images

# The least normalized cross-correlation of a crop with its place. 65 crops of FairFace's photos,
# turned by up to 20 degrees, reached 0.935 or more; of other people's, 2 of 65 reached 0.9.
_FOUND = 0.9
# Pixels of the photo's longer side while it is searched, and of the crop's smallest side there.
_SIDE = 128
_SMALLEST = 12
# Share of the crop that is compared: turned, it has empty corners.
_INSIDE = 0.75
# Standard deviation in gray levels that a place has at least, lest noise be magnified.
_MIN_CONTRAST = 4
_SHOT = re.compile(r"\d+_\d+_\d+_\d+")


def find_crops(paths: Sequence[Path], groups: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """The pairs of photos of different groups of which one is a crop of the other.

    Only photos whose names have the same labels and time stamp are compared; strangers share
    those too, so the pixels decide.
    """
    matches = (_SHOT.match(path.name) for path in paths)
    shots = pd.Series([match and match[0] for match in matches], dtype=object)
    repeated = shots[shots.duplicated(keep=False)].groupby(shots)
    pairs = [pair for _, shot in repeated for pair in combinations(shot.index, 2)]
    pairs = [(one, other) for one, other in pairs if groups[one] != groups[other]]
    if pairs:
        tasks = ((str(paths[one]), str(paths[other])) for one, other in pairs)
        found = progress_bar(
            parallel_map(_is_crop, tasks, 4), desc="comparing crops", unit="pairs", total=len(pairs)
        )
        yield from (pair for pair, is_crop in zip(pairs, found, strict=True) if is_crop)


def _is_crop(paths: tuple[str, str]) -> bool:
    pair = (images.decode(Path(path).read_bytes(), 2 * _SIDE).convert("L") for path in paths)
    # The smaller is usually the crop.
    small, large = sorted(pair, key=lambda image: image.width * image.height)
    return crop_score(large, small) >= _FOUND or crop_score(small, large) >= _FOUND


def crop_score(photo: Image.Image, crop: Image.Image) -> float:
    """How well the gray ``crop`` matches the place in the gray ``photo`` that it matches best.

    The crop may be of any size and turned by up to 25 degrees. It is searched for in the whole
    photo, and once more, in smaller steps, around the best place.

    Returns:
        the normalized cross-correlation there, -1 to 1.
    """
    sizes = [_SMALLEST * 1.15**step for step in range(20)]
    _, x, y, size, angle = _search(photo, crop, sizes, [-20, -10, 0, 10, 20])
    left, top = round(max(0, x - size)), round(max(0, y - size))
    right, bottom = round(min(photo.width, x + size)), round(min(photo.height, y + size))
    around = photo.crop((left, top, right, bottom))
    size *= _SIDE / max(around.size)
    sizes = [size * 1.035**step for step in range(-3, 4)]
    return _search(around, crop, sizes, [angle + change for change in (-6, -3, 0, 3, 6)])[0]


def _search(
    photo: Image.Image, crop: Image.Image, sizes: Sequence[float], angles: Sequence[float]
) -> tuple[float, float, float, float, float]:
    """The best score; the center's x and y and the size of the crop in ``photo``; its angle."""
    scale = _SIDE / max(photo.size)
    shape = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    gray = np.asarray(photo.resize(shape, Image.Resampling.BOX), np.float32)
    spectrum = np.fft.rfft2(gray, (_SIDE, _SIDE))
    edge = (1 - _INSIDE) / 2
    box = (edge * crop.width, edge * crop.height, (1 - edge) * crop.width, (1 - edge) * crop.height)
    turned = [crop.rotate(angle, Image.Resampling.BICUBIC) for angle in angles]
    best = (-1.0, photo.width / 2, photo.height / 2, float(min(photo.size)), 0.0)
    for size in sizes:
        side = round(size * _INSIDE)
        if not 0 < side <= min(shape):
            continue
        variances = _sums(gray**2, side) - _sums(gray, side) ** 2 / side**2
        lengths = np.sqrt(np.maximum(variances, (_MIN_CONTRAST * side) ** 2))
        for angle, image in zip(angles, turned, strict=True):
            template = np.asarray(image.resize((side, side), Image.Resampling.BOX, box), np.float32)
            template = template - template.mean()
            template /= max(np.linalg.norm(template), _MIN_CONTRAST * side)
            product = spectrum * np.fft.rfft2(template, (_SIDE, _SIDE)).conj()
            scores = np.fft.irfft2(product, (_SIDE, _SIDE))
            scores = scores[: lengths.shape[0], : lengths.shape[1]] / lengths
            y, x = divmod(int(scores.argmax()), scores.shape[1])
            if scores[y, x] > best[0]:
                center = (x + side / 2) / scale, (y + side / 2) / scale
                best = (float(scores[y, x]), *center, size / scale, float(angle))
    return best


def _sums(values: NDArray[np.float32], side: int) -> NDArray[np.float64]:
    """The sum of each square window of ``values``."""
    total = np.pad(values.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
