"""Painting a person: shapes are given on the face, and painted where they appear."""

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from portraits.canvas import Mask, Pixels, coverage, fill, stroke
from portraits.head import Head
from portraits.people import Face, Setting


class Painter:
    """A person's picture in the making.

    Attributes:
        face: who is painted.
        setting: how.
        pixels: what is painted so far, shape (size, size, 3), RGB, 0 to 255.
        rng: draws strands, spots and the like.
        head: where the features are.
        skin: RGB, 0 to 255.
        hair: likewise.
        inside: how much of each pixel the head covers, shape (size, size), 0 to 1.
    """

    def __init__(self, face: Face, setting: Setting, pixels: Pixels, rng: Generator) -> None:
        self.face, self.setting, self.pixels, self.rng = face, setting, pixels, rng
        self.head = Head(face, setting)
        skin, hair = np.array(setting.skin), np.array(setting.hair_colour)
        dull, silver = skin.mean() * np.array([1.06, 1.0, 0.9]), np.array([206, 204, 202])
        self.skin = skin + 0.30 * face.pallor * (dull - skin)
        # Infants' hair is finer and lighter.
        hair = hair + (1 - face.skull_growth) * 0.25 * (np.array([150, 120, 90]) - hair)
        self.hair = hair + 0.95 * face.grey * (silver - hair)
        self.inside = coverage(self.head.outline(), 0.5)

    def paint(
        self,
        shapes: ArrayLike,
        colour: ArrayLike,
        opacity: float = 1.0,
        blur: float = 0.0,
        within: Mask | None = None,
        lift: float = 0.0,
        z: float | None = None,
        both: bool = False,
        width: float | None = None,
        ends: tuple[float, float] = (0.15, 0.15),
    ) -> None:
        """Fill polygons, or with a ``width`` paint brush strokes along lines, on the face.

        Args:
            shapes: points on the face, x and y; shape (n, 2), or (shapes, n, 2).
            colour: see `canvas.fill`, as for opacity, blur and within.
            lift: height above the face.
            z: the depth of what does not lie on the face.
            both: whether the mirror image, on the left, is painted first.
            width: of the middle of a stroke; its ``ends`` have these shares of it.
        """
        right = np.asarray(shapes, dtype=np.float64)
        for side in (right * (-1, 1), right) if both else (right,):
            shape = self.head.place(side, lift) if z is None else self.head.project(side, z)
            if width is not None:
                shape = stroke(shape, self.head.pixels(width), ends)
            fill(self.pixels, shape, colour, opacity, blur, within)
