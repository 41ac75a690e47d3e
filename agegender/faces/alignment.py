"""Mapping faces to a template: how far to move, turn and scale a photo."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agegender.faces.detection import Detector, Face
from agegender.faces.resampling import warp
from agegender.faces.template import Template

# The second pass: pixels a side of what the detector sees, the share of it that the template
# takes, and the score that is enough there.
_CHIP = 384
_CHIP_SHARE = 0.5
_CHIP_THRESHOLD = 0.3
# Faces that are looked at together: a crowd takes no more memory than some.
_BATCH = 16

Matrix = NDArray[np.float64]


def similarity(points: NDArray[np.floating], target: NDArray[np.floating]) -> Matrix:
    """The move, turn and scaling that brings ``points`` nearest to ``target``, by least squares.

    Written as complex numbers, z -> az + b is any such map, and linear in a and b.

    Args:
        points: shape (n, 2).
        target: shape (n, 2).

    Returns:
        its matrix, shape (2, 3).
    """
    z, w = (each[:, 0] + 1j * each[:, 1] for each in (points, target))
    (a, b), *_ = np.linalg.lstsq(np.stack([z, np.ones_like(z)], axis=1), w, rcond=None)
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def transform(matrix: Matrix, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """``points``, shape (n, 2), mapped by ``matrix``, shape (2, 3)."""
    mapped: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def invert(matrix: Matrix) -> Matrix:
    """The matrix, shape (2, 3), of the way back."""
    inverse: Matrix = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    return inverse


def refine(
    photo: Image.Image, faces: Sequence[Face], template: Template, detector: Detector
) -> list[NDArray[np.float64] | None]:
    """The landmarks of ``faces``, found once more in an upright picture of each face alone.

    That halves the error of the crop, and shows which detections are none: these become None.
    """
    inside = template.points(_CHIP * _CHIP_SHARE) + _CHIP * (1 - _CHIP_SHARE) / 2
    refined: list[NDArray[np.float64] | None] = []
    for start in range(0, len(faces), _BATCH):
        batch = faces[start : start + _BATCH]
        matrices = [similarity(face.landmarks, inside) for face in batch]
        chips = [np.asarray(warp(photo, matrix, _CHIP, softness=0)) for matrix in matrices]
        for matrix, found in zip(matrices, detector(np.stack(chips), _CHIP_THRESHOLD), strict=True):
            # The face is where the template is; others may be next to it.
            distances = [np.abs(each.landmarks - inside).mean() for each in found]
            nearest = int(np.argmin(distances)) if found else 0
            if found and distances[nearest] < _CHIP * _CHIP_SHARE / 4:
                refined.append(transform(invert(matrix), found[nearest].landmarks))
            else:
                refined.append(None)
    return refined
