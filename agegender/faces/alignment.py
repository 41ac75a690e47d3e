"""Similarity transforms: how far to move, turn and scale a photo."""

import numpy as np
from numpy.typing import NDArray

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
