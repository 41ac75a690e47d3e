"""Draw a photo of several people: python -m tools.scene people.jpg.

For trying `python -m agegender predict`, and for its picture in the documentation.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from portraits.canvas import SIZE
from portraits.people import Face, Setting
from portraits.portrait import draw_portrait

WIDTH, HEIGHT = 1280, 380
# Age, gender (0 male, 1 female), size as a multiple of a portrait's, and the center's x in the
# picture, from the back to the front.
PEOPLE = (
    (72, 0, 1.35, 175),
    (66, 1, 1.3, 1110),
    (30, 1, 1.4, 430),
    (36, 0, 1.4, 690),
    (8, 1, 1.05, 905),
)


def draw_scene(seed: int) -> Image.Image:
    """People of several ages side by side, RGB; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    scene = _room(rng)
    for number, (age, gender, scale, center) in enumerate(PEOPLE):
        person, opacity = _cut_out(age, gender, (seed, number))
        size = (round(SIZE * scale),) * 2
        person, opacity = (
            each.resize(size, Image.Resampling.BICUBIC) for each in (person, opacity)
        )
        # Everybody's shoulders end at the lower edge.
        scene.paste(person, (center - size[0] // 2, HEIGHT - size[1]), opacity)
    return scene


def _room(rng: np.random.Generator) -> Image.Image:
    """A wall with soft lights."""
    v, u = (each / side for each, side in zip(np.mgrid[0:38, 0:128], (38, 128), strict=True))
    pixels = np.array([92, 116, 124]) + 40 * (1 - v[..., None]) + 12 * u[..., None]
    for _ in range(24):
        x, y, radius = rng.uniform((0, 0, 0.03), (3.4, 0.6, 0.12))
        inside = np.clip((radius - np.hypot(3.4 * u - x, v - y)) / 0.03 + 0.5, 0, 1)
        pixels += (inside * rng.uniform(0.1, 0.35))[..., None] * (
            np.array([236, 210, 170]) - pixels
        )
    small = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def _cut_out(age: int, gender: int, key: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """A person, and where in the picture the person is: 255, or less at the edges; 0 elsewhere.

    Drawn once on black and once on white, a pixel differs as far as the background shows.
    """
    rng = np.random.default_rng(key)
    face, setting = Face(age, gender, rng), Setting(rng)
    setting.exposure = 1
    setting.warmth = setting.noise = setting.blur = 0
    setting.roll /= 2
    setting.background_kind = "plain"

    def on(gray: float) -> NDArray[np.float64]:
        setting.background = ((gray,) * 3,) * 3
        return np.asarray(draw_portrait(face, setting, np.random.default_rng(key)), np.float64)

    black, white = on(0), on(255)
    middle = np.linspace(-0.5, 0.5, SIZE)
    vignette = 1 - 0.25 * (middle[:, None] ** 2 + middle**2)
    opacity = 1 - (white - black).mean(2) / (255 * vignette)
    opacity = np.clip((opacity - 0.04) / 0.92, 0, 1)
    color = black / np.maximum(opacity, 0.05)[..., None]
    return (
        Image.fromarray(np.clip(color, 0, 255).astype(np.uint8)),
        Image.fromarray((255 * opacity).round().astype(np.uint8)),
    )


def main() -> None:
    """Write the picture to the path that is given."""
    parser = argparse.ArgumentParser("python -m tools.scene", description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=2)
    arguments = parser.parse_args()
    draw_scene(arguments.seed).save(arguments.path, quality=92)


if __name__ == "__main__":
    main()
