"""Antialiased painting of soft shapes on an array of pixels."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFilter

from portraits.exact import cosine, length, power, sine

Points = NDArray[np.float64]
Mask = NDArray[np.float32]
Pixels = NDArray[np.float32]

# Pixels a side of a picture.
SIZE = 200

# Masks are drawn so many times larger a side, and then averaged.
_SUPERSAMPLING = 3
# Blurred by so many pixels, an edge needs no antialiasing.
_SMOOTH = 1.5


def fill(
    pixels: Pixels,
    shapes: Points,
    colour: ArrayLike,
    opacity: float = 1.0,
    blur: float = 0.0,
    within: Mask | None = None,
) -> None:
    """Fill one polygon, or several that may overlap.

    Args:
        pixels: what they are painted on, shape (size, size, 3), RGB, 0 to 255.
        shapes: corners in pixels, x and y; shape (n, 2), or (polygons, n, 2).
        colour: RGB, 0 to 255.
        opacity: 0 to 1.
        blur: standard deviation of the edge's softness, in pixels.
        within: shape (size, size), 0 to 1; nothing is painted where it is 0.
    """
    window, mask = _local_mask(shapes, blur)
    tint(pixels[window], mask if within is None else mask * within[window], colour, opacity)


def tint(pixels: Pixels, mask: Mask, colour: ArrayLike, opacity: float) -> None:
    """Paint on ``pixels`` everywhere, as much as ``mask`` says, 0 to 1."""
    change = np.asarray(colour, dtype=np.float32) - pixels
    pixels += (mask * np.float32(opacity))[..., None] * change


def coverage(shapes: Points, blur: float = 0.0) -> Mask:
    """How much of each pixel polygons cover: shape (size, size), 0 to 1."""
    whole = np.zeros((SIZE, SIZE), dtype=np.float32)
    window, mask = _local_mask(shapes, blur)
    whole[window] = mask
    return whole


def _local_mask(shapes: Points, blur: float) -> tuple[tuple[slice, slice], Mask]:
    """The rows and columns in which the shapes lie, and how much of each pixel they cover there."""
    polygons = shapes if shapes.ndim == 3 else shapes[None]
    margin = int(3 * blur) + 2
    # A margin around the picture too, so that a blurred shape may reach in from outside.
    low = np.maximum(polygons.min((0, 1)).astype(int) - margin, -margin)
    high = np.minimum(polygons.max((0, 1)).astype(int) + margin, SIZE + margin)
    (left, top), (right, bottom) = np.maximum(low, 0), np.minimum(high, SIZE)
    if right <= left or bottom <= top:
        return (slice(0), slice(0)), np.zeros((0, 0), dtype=np.float32)
    scale = _SUPERSAMPLING if blur < _SMOOTH else 1
    image = Image.new("L", tuple((high - low) * scale))
    draw = ImageDraw.Draw(image)
    for polygon in ((polygons - low) * scale).reshape(len(polygons), -1).tolist():
        draw.polygon(polygon, fill=255)
    if scale > 1:
        image = image.reduce(scale)
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    inside = image.crop((left - low[0], top - low[1], right - low[0], bottom - low[1]))
    mask = np.asarray(inside, dtype=np.float32) / np.float32(255)
    return (slice(top, bottom), slice(left, right)), mask


def curve(points: ArrayLike, steps: int = 6, closed: bool = False) -> Points:
    """A smooth curve (Catmull-Rom spline) through ``points``, shape (n, k), in ``steps`` each.

    Returns:
        shape ((n - 1) * steps + 1, k), or, where the last is joined to the first, (n * steps, k).
    """
    p = np.asarray(points, dtype=np.float64)
    if closed:
        before, after, later = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
        here = p
    else:
        padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
        before, here, after, later = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(steps) / steps)[None, :, None]
    before, here, after, later = (q[:, None, :] for q in (before, here, after, later))
    pieces = 0.5 * (
        2 * here
        + (after - before) * t
        + (2 * before - 5 * here + 4 * after - later) * t * t
        + (3 * here - before - 3 * after + later) * t * t * t
    )
    smooth = pieces.reshape(-1, p.shape[1])
    return smooth if closed else np.concatenate([smooth, p[-1:]])


def mirrored(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The mirror images of ``points``, in reverse order: the other half of a symmetric outline."""
    return [(-x, y) for x, y in reversed(points)]


def stroke(line: Points, width: float, ends: tuple[float, float] = (0.15, 0.15)) -> Points:
    """The outline, (..., 2n, 2), of a brush stroke along each ``line``, shape (..., n, 2).

    The middle has this ``width``, in the unit of ``line``; the ends have these shares of it.
    """
    along = np.empty_like(line)
    along[..., 1:-1, :] = line[..., 2:, :] - line[..., :-2, :]
    along[..., 0, :] = line[..., 1, :] - line[..., 0, :]
    along[..., -1, :] = line[..., -1, :] - line[..., -2, :]
    distance = np.maximum(length(along[..., 0], along[..., 1]), 1e-9)
    t = np.linspace(0, 1, line.shape[-2])
    taper = np.maximum(_bulge(line.shape[-2]), ends[0] * (1 - t) + ends[1] * t)
    normal = along[..., ::-1] * (-1, 1) * (0.5 * width * taper / distance)[..., None]
    return np.concatenate([line + normal, (line - normal)[..., ::-1, :]], axis=-2)


def ellipse(x: float, y: float, rx: float, ry: float, tilt: float = 0.0, n: int = 28) -> Points:
    """An ellipse around (x, y) with these radii, turned by ``tilt`` radians."""
    cosines, sines = _circle(n)
    u, v = rx * cosines, ry * sines
    cos, sin = (cosine(tilt), sine(tilt)) if tilt else (1.0, 0.0)
    return np.stack([x + u * cos - v * sin, y + u * sin + v * cos], axis=1)


@cache
def _bulge(n: int) -> NDArray[np.float64]:
    """How wide a stroke is at its ``n`` points, as a share of its middle."""
    return np.asarray(power(sine(np.pi * np.linspace(0, 1, n)), 0.7))


@cache
def _circle(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines and sines of ``n`` angles all round."""
    angle = np.arange(n) * (2 * np.pi / n)
    return cosine(angle), sine(angle)
