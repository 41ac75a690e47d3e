"""The shape of a head, its pose in the picture, and how light falls on it.

Places on a face are in units of about half its width: x to the right, y down, the origin in the
middle of a grown-up's face, z towards the viewer.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from portraits.canvas import SIZE, Mask, Points, curve
from portraits.exact import cosine, exponential, sine, unit
from portraits.people import Face, Setting

TOP = -1.2
# The skull as an ellipsoid: centre's y, radii in y and z.
_CENTRE_Y, _RADIUS_Y, _DEPTH = -0.1, 1.32, 0.9
# The square of so many radii, where nothing is seen of a hill any more.
_FAR = 12.0


class Head:
    """Where a person's features are, and where they appear in the picture."""

    def __init__(self, face: Face, setting: Setting) -> None:
        self._setting = setting
        self._unit = setting.scale
        self._middle = np.array([0.5, 0.53]) * SIZE + np.array(setting.shift)
        self._turned = self._unit * _turned_axes(setting.yaw, setting.pitch, setting.roll)
        self._origin = self._middle + _CENTRE_Y * (np.array([0, self._unit]) - self._turned[1])
        eyes, nose, skull = face.eye_growth, face.nose_growth, face.skull_growth
        self.width = mix(0.91, 0.80, skull) + 0.025 * setting.width
        self.eye_y = mix(0.24, -0.04, skull)
        self.eye_x = mix(0.385, 0.335, skull) + 0.012 * setting.eye_distance
        self.eye_width = mix(0.185, 0.15, eyes)
        self.eye_height = mix(0.125, 0.066, eyes)
        self.iris = mix(0.108, 0.077, eyes)
        self.nose_y = self.eye_y + mix(0.27, 0.45, nose) + 0.03 * face.jowls
        self.nose_width = mix(0.115, 0.165, nose) - 0.018 * face.nose * nose + 0.015 * face.jowls
        self.mouth_y = self.nose_y + mix(0.20, 0.25, nose)
        self.mouth_width = mix(0.185, 0.275, nose)
        self.chin_y = mix(0.97, 1.12, face.chin_growth) - 0.02 * face.jaw
        self.jaw = mix(0.755, 0.645, face.chin_growth) - 0.055 * face.jaw
        self.jaw += 0.025 * setting.fullness
        self.jaw += 0.07 * face.jowls
        self.chin = mix(0.36, 0.315, face.chin_growth) - 0.06 * face.jaw
        self._relief = _relief(self, face)

    def place(self, points: ArrayLike, lift: float = 0.0) -> Points:
        """Pixels of places (x, y) on the face, or ``lift`` above it; both of shape (..., 2)."""
        p = np.asarray(points, dtype=np.float64)
        x, y = p[..., 0] / (1.04 * self.width), (p[..., 1] - _CENTRE_Y) / _RADIUS_Y
        return self.project(p, _DEPTH * np.sqrt(np.maximum(0.0, 1 - x * x - y * y)) + lift)

    def project(self, points: ArrayLike, z: ArrayLike) -> Points:
        """Pixels of places (x, y), shape (..., 2), at the depths ``z``, shape (...)."""
        p = np.asarray(points, dtype=np.float64)
        x, y, depth = p[..., :1], p[..., 1:], np.asarray(z, dtype=np.float64)[..., None]
        right, down, front = self._turned
        return x * right + y * down + depth * front + self._origin

    def pixels(self, length: float) -> float:
        """A length of the face in pixels."""
        return length * self._unit

    def outline(self) -> Points:
        """The silhouette of the head in pixels."""
        w, chin, jaw = self.width, self.chin_y, self.jaw
        side = np.array(
            [(0.53 * w, TOP + 0.12, 0.0), (0.87 * w, -0.77, 0.0), (1.0 * w, -0.32, 0.0),
             (0.98 * w, 0.12, 0.05), (mix(0.95 * w, jaw, 0.42), 0.43, 0.15),
             (jaw, 0.70 * chin / 1.1, 0.28), (self.chin, chin - 0.09, 0.42)]
        )  # fmt: skip
        loop = [(0, TOP, 0.0), *side, (0, chin, 0.46), *(side[::-1] * (-1, 1, 1))]
        smooth = curve(loop, closed=True)
        return self.project(smooth[:, :2], smooth[:, 2])

    def light(self) -> tuple[Mask, Mask]:
        """How light falls on the skin: diffuse light, around 1, and gloss, 0 to 1; (size, size)."""
        s, half = self._setting, SIZE // 2
        v, u = np.mgrid[0:half, 0:half] * 2 + 1.0
        u, v = (u - self._middle[0]) / self._unit, (v - self._middle[1]) / self._unit
        cos, sin = cosine(s.roll), sine(s.roll)
        u, v = u * cos + v * sin, v * cos - u * sin
        ball = (u / (1.3 * self.width)) ** 2 + ((v - _CENTRE_Y) / 1.38) ** 2
        z = _DEPTH * np.sqrt(np.maximum(0.0, 1 - ball))
        x = (u - z * sine(s.yaw)) / cosine(s.yaw)
        y = (v + z * sine(s.pitch)) / cosine(s.pitch)
        height = 0.85 * np.sqrt(np.maximum(0.02, 1 - ball))
        for amount, cx, cy, rx, ry in self._relief:
            away = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2
            near = away < _FAR
            height[near] += amount * exponential(-away[near])
        dy, dx = np.gradient(height, 2 / self._unit)
        norm = np.sqrt(1 + dx**2 + dy**2)
        light = np.array([sine(s.light_from), -s.light_height, 0.9 * cosine(s.light_from)])
        direction = unit(light)
        lambert = (-dx * direction[0] - dy * direction[1] + direction[2]) / norm
        soft = np.clip((lambert + 0.35) / 1.35, 0, 1)
        diffuse = 1.0 + s.light_strength * (soft - 0.86)
        halfway = unit(direction + (0, 0, 1))
        facing = (-dx * halfway[0] - dy * halfway[1] + halfway[2]) / norm
        # To the power of 24.
        gloss = np.clip(facing, 0, 1) ** 2
        gloss = ((gloss * gloss * gloss) ** 2) ** 2
        return _enlarged(diffuse), _enlarged(gloss)


def _enlarged(values: NDArray[np.float64]) -> Mask:
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=np.float32)


def _turned_axes(yaw: float, pitch: float, roll: float) -> Points:
    """Where the axes x, y and z point in the picture after a turn of the head, shape (3, 2)."""
    upright = np.array(
        [
            (cosine(yaw), sine(yaw) * sine(pitch)),
            (0.0, cosine(pitch)),
            (sine(yaw), -cosine(yaw) * sine(pitch)),
        ]
    )
    right, down = np.array([(cosine(roll), sine(roll)), (-sine(roll), cosine(roll))])
    return upright[:, :1] * right + upright[:, 1:] * down


def _relief(head: Head, face: Face) -> list[tuple[float, float, float, float, float]]:
    """Hills and hollows of the face: height, centre x and y, radii x and y."""
    bridge = (head.eye_y + head.nose_y) / 2
    grown = face.nose_growth
    hills = [
        (mix(0.05, 0.17, grown), 0.0, bridge + 0.06, 0.085, 0.26),
        (mix(0.13, 0.17, grown), 0.0, head.nose_y - 0.05, 0.12, 0.10),
        (0.06, 0.0, head.mouth_y + 0.01, 0.26, 0.14),
        (mix(0.05, 0.09, face.chin_growth), 0.0, head.chin_y - 0.16, 0.17, 0.12),
        (mix(0.07, 0.0, face.skull_growth), 0.0, -0.55, 0.55, 0.35),
        (-0.05, 0.0, head.mouth_y + 0.16, 0.22, 0.05),
    ]
    for side in (-1, 1):
        hills += [
            (-0.09, side * head.eye_x, head.eye_y - 0.04, 0.20, 0.12),
            (0.05 - 0.03 * face.brows, side * 0.3, head.eye_y - 0.22, 0.24, 0.09),
            (0.05, side * head.nose_width * 0.75, head.nose_y, 0.06, 0.06),
            (mix(0.12, 0.06, face.nose_growth), side * 0.46, head.nose_y - 0.04, 0.24, 0.20),
            (-0.035 * face.folds, side * 0.36, head.mouth_y - 0.06, 0.05, 0.18),
            (0.05 * face.jowls, side * 0.46, head.mouth_y + 0.14, 0.13, 0.13),
            (0.035 * face.bags, side * head.eye_x, head.eye_y + 0.13, 0.13, 0.05),
        ]
    return hills


def mix(first: float, second: float, share: float) -> float:
    """What lies between two values, 0 to 1 of the way."""
    return first + (second - first) * share
