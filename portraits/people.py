"""What a drawn person looks like: cues that tell age and gender, and all that tells neither.

`Face` depends on the labels. Each of its cues is drawn with an error of its own, so that none
decides alone and some people are mistaken for another age or gender. `Setting` is drawn without
knowing the labels.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from portraits.exact import exponential, power

HairStyle = Literal["short", "fringe", "bob", "long", "tied", "horseshoe", "fuzz"]
Beard = Literal["none", "stubble", "moustache", "full"]
Colour = tuple[float, float, float]

_SKIN_TONES = np.array(
    [(242, 206, 184), (228, 184, 154), (216, 166, 130), (176, 122, 86), (128, 82, 56), (88, 56, 40)]
)
# Where on the scale of tones, 0 to 1, each of UTKFace's races lies in the middle.
_TONES_BY_RACE = (0.16, 0.82, 0.24, 0.55, 0.42)
_HAIR_COLOURS = np.array(
    [(26, 20, 20), (52, 34, 26), (88, 56, 36), (132, 88, 52), (186, 140, 84), (150, 74, 40)]
)
_GLASSES_COLOURS = np.array([(30, 28, 30), (96, 60, 40), (150, 150, 158)])
_EYE_COLOURS: tuple[Colour, ...] = ((70, 42, 26), (98, 64, 36), (96, 110, 72), (84, 120, 150))


class Face:
    """Cues of age, in years, and gender, 0 male or 1 female.

    The ``growth`` values run from 0 (newborn) to 1 (grown up), those of ageing from 0 to 1 and
    somewhat beyond, and those of gender from about -1 (masculine) to 1 (feminine).
    """

    def __init__(self, age: int, gender: int, rng: Generator) -> None:
        sign = 1.0 if gender else -1.0
        maturity = _sigmoid((age - 13) / 2.0)
        looks = age + rng.normal() * (0.35 + 0.05 * age)

        def seen() -> float:
            """The age that one cue shows: a child's within months, an old person's within years."""
            return float(max(0.0, looks + rng.normal() * min(0.4 + 0.09 * age, 5.5)))

        def growth() -> float:
            return float(power(np.clip(seen() / 18, 0, 1), 0.7))

        def ageing(begin: float, end: float) -> float:
            return float(np.clip((seen() - begin) / (end - begin), 0, 1.15))

        def femininity(in_children: float, spread: float) -> float:
            strength = in_children + (1 - in_children) * maturity
            return float(np.clip(sign * strength + rng.normal() * spread, -1.8, 1.8))

        grey_from = rng.normal(45, 6)
        self.hair = _draw_hair(age, gender, seen(), rng)
        self.beard: Beard = "none"
        if not gender and rng.random() < maturity and age > 14:
            beards = ("none", "stubble", "moustache", "full")
            self.beard = _choose(rng, beards, (0.18, 0.2, 0.17, 0.45))
        self.skull_growth = growth()
        self.eye_growth = growth()
        self.nose_growth = growth()
        self.chin_growth = growth()
        self.cheeks = float(np.clip(1.0 - seen() / 16, 0, 1))
        self.forehead_lines = ageing(26, 80)
        self.folds = ageing(18, 75)
        self.crows_feet = ageing(26, 75)
        self.bags = ageing(22, 80)
        self.jowls = ageing(36, 85)
        self.spots = ageing(40, 95)
        self.droop = ageing(38, 90)
        self.pallor = ageing(45, 100)
        self.lip_loss = ageing(35, 85)
        self.grey = _sigmoid((seen() - grey_from - 5) / 5.0)
        self.recession = ageing(22, 80) * (0.45 if gender else 1.0) * rng.uniform(0.5, 1.1)
        self.thinning = ageing(50, 100)
        self.jaw = femininity(0.2, 0.5)
        self.brows = femininity(0.3, 0.45)
        self.lips = femininity(0.35, 0.45)
        self.lashes = femininity(0.45, 0.45)
        self.nose = femininity(0.1, 0.7)
        painted = gender and rng.random() < 0.75 * maturity
        self.lipstick = float(rng.uniform(0.5, 1)) if painted else 0.0
        self.hair_volume = float(rng.uniform(0, 1))
        self.beard_density = float(rng.uniform(0.55, 1))
        bows = (0.6 if age < 10 else 0.05) * (1 if gender else 0.05)
        self.bow = self.hair != "horseshoe" and bool(rng.random() < bows)
        self.earrings = bool(rng.random() < (0.15 + 0.25 * maturity if gender else 0.03))
        self.clothes = _draw_clothes(gender, rng)


def _draw_hair(age: int, gender: int, seen: float, rng: Generator) -> HairStyle:
    if rng.random() < np.clip(1.25 - seen / 1.6, 0, 0.95):
        return "fuzz"
    roll = rng.random()
    if gender:
        long = np.interp(age, [0, 2, 6, 45, 75], [0.4, 0.7, 0.93, 0.93, 0.75])
        if roll < long:
            return _choose(rng, ("long", "bob", "tied"), (0.56, 0.27, 0.17))
        return "fringe" if rng.random() < 0.4 else "short"
    if roll < np.interp(age, [0, 6, 30, 60], [0.04, 0.04, 0.04, 0.03]):
        return _choose(rng, ("long", "bob", "tied"), (0.4, 0.35, 0.25))
    if rng.random() < np.interp(seen, [24, 45, 75], [0, 0.22, 0.5]):
        return "horseshoe"
    return "fringe" if rng.random() < 0.25 else "short"


def _draw_clothes(gender: int, rng: Generator) -> Colour:
    """A colour of clothes: most women's warm and bright, most men's cool and dark."""
    if rng.random() < 0.15:
        gender = 1 - gender
    if gender:
        return _colour(rng.uniform(0.84, 1.05), rng.uniform(0.35, 0.8), rng.uniform(0.65, 1))
    return _colour(rng.uniform(0.33, 0.68), rng.uniform(0.2, 0.6), rng.uniform(0.12, 0.5))


class Setting:
    """Everything in a picture that tells neither age nor gender.

    Angles are in radians, lengths in pixels of a 200 by 200 picture, colours RGB, 0 to 255.
    """

    def __init__(self, rng: Generator) -> None:
        race = int(rng.choice(5, p=[0.425, 0.19, 0.145, 0.168, 0.072]))
        tone = float(np.clip(_TONES_BY_RACE[race] + rng.normal() * 0.12, 0, 1))
        skin = _between(_SKIN_TONES, tone) + rng.normal(size=3) * (3, 3, 4)
        shade = np.clip(rng.beta(1.2, 1.6) * (1.0 - 0.75 * tone) * 1.25, 0, 1) * 0.8
        hair = (
            _HAIR_COLOURS[5] if rng.random() < 0.05 else _between(_HAIR_COLOURS[:5], float(shade))
        )
        eyes = _EYE_COLOURS[int(rng.choice(4, p=[0.4, 0.3, 0.12, 0.18]) if tone < 0.45 else 0)]
        hue, second = rng.random(), rng.normal() * 0.12
        background = (
            _colour(hue, rng.uniform(0.02, 0.5), rng.uniform(0.2, 0.95)),
            _colour(hue + second, rng.uniform(0.02, 0.5), rng.uniform(0.15, 0.9)),
            _colour(rng.random(), rng.uniform(0.1, 0.7), rng.uniform(0.3, 1.0)),
        )
        self.race = race
        self.yaw = float(np.clip(rng.normal() * 0.17, -0.42, 0.42))
        self.pitch = float(np.clip(rng.normal() * 0.09, -0.22, 0.22))
        self.roll = float(np.clip(rng.normal() * 0.09, -0.25, 0.25))
        self.scale = float(rng.uniform(66, 75))
        self.shift = (float(rng.normal() * 3), float(rng.normal() * 3))
        self.light_from = float(rng.uniform(-1.1, 1.1))
        self.light_height = float(rng.uniform(0.1, 0.8))
        self.light_strength = float(rng.uniform(0.35, 0.8))
        self.warmth = float(rng.normal() * 0.05)
        self.exposure = float(rng.uniform(0.82, 1.12))
        self.background = background
        self.background_kind = _choose(rng, ("plain", "bokeh", "blurred"))
        self.skin = _rgb(skin)
        self.hair_colour = _rgb(hair * rng.uniform(0.85, 1.15))
        self.hair_wave = float(np.clip(rng.beta(1, 2) + 0.3 * (race == 1), 0, 1))
        self.eye_colour = eyes
        self.fullness = float(rng.normal())
        self.width = float(rng.normal())
        self.eye_distance = float(rng.normal())
        self.smile = float(np.clip(rng.normal(0.35, 0.45), -0.4, 1))
        self.mouth_open = float(np.clip(rng.normal(0, 0.5), 0, 1))
        self.gaze = (float(rng.normal() * 0.12), float(rng.normal() * 0.06))
        self.glasses = _choose(rng, ("none", "thin", "thick"), (0.84, 0.09, 0.07))
        self.glasses_colour = _rgb(_between(_GLASSES_COLOURS, rng.random()))
        self.freckles = float(max(0, rng.normal(-0.9, 1)) * (tone < 0.4))
        self.collar = _choose(rng, ("round", "shirt", "high"))
        self.blur = float(max(0.0, rng.normal(0.1, 0.4)))
        self.noise = float(min(rng.gamma(1.5, 1.1), 6.0))
        self.quality = int(rng.integers(72, 95))


def _choose(rng: Generator, names: Sequence[str], shares: Sequence[float] | None = None) -> Any:
    return rng.choice(np.array(names), p=shares).item()


def _sigmoid(x: float) -> float:
    return float(1 / (1 + exponential(-x)))


def _between(colours: np.ndarray, position: float) -> np.ndarray:
    place = position * (len(colours) - 1)
    return np.array([np.interp(place, np.arange(len(colours)), channel) for channel in colours.T])


def _colour(hue: float, saturation: float, value: float) -> Colour:
    wave = np.abs((hue % 1 * 6 + np.array([0, 4, 2])) % 6 - 3) - 1
    return _rgb(255 * value * (1 - saturation * (1 - np.clip(wave, 0, 1))))


def _rgb(colour: np.ndarray) -> Colour:
    red, green, blue = np.clip(colour, 0, 255).tolist()
    return red, green, blue
