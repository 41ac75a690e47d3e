"""Painting a person: background, shoulders, head, features, hair, and what the camera adds."""

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from PIL import Image, ImageFilter

from portraits.canvas import SIZE, coverage, curve, ellipse, fill, mirrored, stroke
from portraits.exact import cosine, length, power, sine
from portraits.hair import paint_back_hair, paint_beard, paint_hair
from portraits.head import mix
from portraits.painter import Painter
from portraits.people import Face, Setting

SIDES = (-1, 1)


def draw_portrait(face: Face, setting: Setting, rng: Generator) -> Image.Image:
    """A picture of ``face`` in ``setting``, RGB, 200 by 200; ``rng`` draws spots and noise."""
    painter = Painter(face, setting, _background(setting, rng), rng)
    paint_back_hair(painter)
    _paint_body(painter)
    _paint_ears(painter)
    fill(painter.pixels, painter.head.outline(), painter.skin)
    _paint_complexion(painter)
    _paint_wrinkles(painter)
    _paint_nose(painter)
    _paint_mouth(painter)
    paint_beard(painter)
    _paint_eyes(painter)
    _paint_brows(painter)
    _light(painter)
    _paint_glints(painter)
    paint_hair(painter)
    _paint_jewellery(painter)
    _paint_glasses(painter)
    return _photograph(painter.pixels, setting, rng)


def _background(setting: Setting, rng: Generator) -> np.ndarray:
    first, second, third = (np.array(colour) for colour in setting.background)
    side = 50
    v, u = np.mgrid[0:side, 0:side] / (side - 1)
    angle = rng.uniform(0, 2 * np.pi)
    t = np.clip(0.5 + (u - 0.5) * cosine(angle) + (v - 0.5) * sine(angle), 0, 1)[..., None]
    small = first * (1 - t) + second * t
    if setting.background_kind == "blurred":
        for _ in range(rng.integers(3, 8)):
            x, y, w, h = rng.uniform((0, 0, 0.06, 0.15), (1, 1, 0.3, 0.8))
            inside = _soft_step(w / 2 - abs(u - x)) * _soft_step(h / 2 - abs(v - y))
            colour = third if rng.random() < 0.5 else second * rng.uniform(0.5, 1.4)
            small += (inside * rng.uniform(0.2, 0.7))[..., None] * (colour - small)
    elif setting.background_kind == "bokeh":
        for _ in range(rng.integers(6, 16)):
            x, y, radius = rng.uniform((0, 0, 0.03), (1, 1, 0.13))
            disc = _soft_step(radius - length(u - x, v - y))
            colour = third * 0.6 + 100
            small += (disc * rng.uniform(0.15, 0.5))[..., None] * (colour - small)
    vignette = 1 - 0.25 * ((u - 0.5) ** 2 + (v - 0.5) ** 2)
    small = np.clip(small * vignette[..., None], 0, 255)
    image = Image.fromarray(small.astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32).copy()


def _soft_step(distance: np.ndarray) -> np.ndarray:
    return np.clip(distance / 0.03 + 0.5, 0, 1)


def _paint_body(painter: Painter) -> None:
    face, setting, skin = painter.face, painter.setting, painter.skin
    clothes = np.array(face.clothes)
    neck = mix(0.40, 0.50, face.chin_growth) - 0.07 * face.jaw * face.chin_growth
    shoulder = [(neck + 0.08, 1.32), (1.1, 1.48), (1.75, 1.75), (1.9, 2.4)]
    body = curve([*mirrored(shoulder), (0, 1.40), *shoulder])
    painter.paint(body, clothes * 0.82, z=-0.25)
    lit = np.sign(setting.light_from) * 0.9
    bright = np.minimum(clothes * 1.1 + 15, 255)
    painter.paint(ellipse(-lit, 1.9, 0.7, 0.6), clothes * 0.6, 0.5, 9, z=-0.25)
    painter.paint(ellipse(lit, 1.8, 0.6, 0.3), bright, 0.45, 9, z=-0.25)
    side = [(neck + 0.12, 1.42), (neck, 1.1), (neck, 0.4)]
    throat = curve([*mirrored(side), (0, 1.72), *side])
    painter.paint(throat, skin * 0.86, z=-0.15)
    jaw = curve([(-neck - 0.1, 0.8), (-0.3, 1.16), (0, 1.26), (0.3, 1.16), (neck + 0.1, 0.8)])
    painter.paint(jaw, skin * (0.52, 0.45, 0.42), 0.75, 3.5, z=0.1)
    if setting.collar == "round":
        edge = curve([(-neck - 0.12, 1.38), (0, 1.70), (neck + 0.12, 1.38)])
        painter.paint(edge, clothes * 0.68, width=0.09, z=-0.15, ends=(1, 1))
    elif setting.collar == "high":
        top = [(-neck - 0.1, 1.18), (0, 1.36), (neck + 0.1, 1.18)]
        painter.paint([*top, (neck + 0.2, 1.9), (-neck - 0.2, 1.9)], clothes * 0.9, z=-0.1)
        painter.paint(curve(top), clothes * 0.65, width=0.05, z=-0.1, ends=(1, 1))
    else:
        flap = [(neck + 0.02, 1.16), (0.02, 1.62), (0.26, 1.86), (neck + 0.3, 1.42)]
        painter.paint(flap, np.minimum(clothes * 0.95 + 12, 255), z=-0.05, both=True)
        painter.paint(flap[1:], clothes * 0.5, 0.8, width=0.025, z=-0.05, both=True)


def _paint_ears(painter: Painter) -> None:
    head, skin = painter.head, painter.skin
    height = 0.23 + 0.05 * painter.face.droop
    y = (head.eye_y + head.nose_y) / 2 + 0.02
    for side in SIDES:
        x, tilt = side * (head.width - 0.005), side * 0.18
        painter.paint(ellipse(x, y, 0.115, height, tilt), skin * (0.93, 0.86, 0.84), z=-0.05)
        hollow = ellipse(x, y, 0.07, height * 0.62, tilt)
        painter.paint(hollow, skin * (0.72, 0.58, 0.54), 0.7, 1.2, z=-0.05)


def _paint_complexion(painter: Painter) -> None:
    head, face, skin = painter.head, painter.face, painter.skin
    inside, rng = painter.inside, painter.rng
    blush = 0.30 + 0.40 * face.cheeks - 0.18 * face.pallor + 0.3 * face.lipstick
    soft = head.pixels(0.06)
    for side in SIDES:
        cheek = ellipse(side * 0.47, head.nose_y - 0.02, 0.21, 0.17)
        painter.paint(cheek, skin * (1.04, 0.80, 0.78), blush, head.pixels(0.09), inside)
        socket = ellipse(side * head.eye_x, head.eye_y - 0.02, 0.22, 0.15)
        painter.paint(socket, skin * (0.78, 0.68, 0.66), 0.38, soft, inside)
        if face.thinning > 0.05:
            hollow = ellipse(side * 0.55, head.mouth_y - 0.04, 0.10, 0.22, side * -0.25)
            painter.paint(hollow, skin * (0.7, 0.62, 0.58), 0.55 * face.thinning, soft, inside)
    if face.spots > 0:
        for _ in range(rng.poisson(15 * face.spots)):
            x, y = rng.uniform((-0.72, -1.05), (0.72, 0.8))
            radius = rng.uniform(0.012, 0.05)
            spot = ellipse(x, y, radius, radius * rng.uniform(0.7, 1.3), n=10)
            painter.paint(spot, skin * (0.70, 0.58, 0.50), rng.uniform(0.25, 0.6), 0.7, inside)
    if painter.setting.freckles > 0:
        middles = rng.normal(size=(40, 1, 2)) * (0.33, 0.11) + (0, head.nose_y - 0.12)
        dots = middles + ellipse(0, 0, 0.016, 0.016, n=8)
        opacity = min(0.5, 0.35 * painter.setting.freckles)
        painter.paint(dots, skin * (0.72, 0.55, 0.42), opacity, 0, inside)


def _paint_wrinkles(painter: Painter) -> None:
    head, face, skin, rng = painter.head, painter.face, painter.skin, painter.rng
    dark, bright = skin * (0.58, 0.46, 0.42), np.minimum(skin * 1.10 + 8, 255)

    def crease(
        line: ArrayLike, amount: float, width: float, soft: float = 0.6, both: bool = True
    ) -> None:
        if amount <= 0.02:
            return
        path, opacity, inside = curve(line, 5), min(0.85, amount), painter.inside
        below = path + (0.0, width * 0.9)
        painter.paint(below, bright, 0.45 * opacity, 1.0, inside, width=width, both=both)
        painter.paint(path, dark, opacity, soft, inside, width=width, both=both)

    eye_y, nose_y, mouth_y = head.eye_y, head.nose_y, head.mouth_y
    for row in range(4):
        amount = face.forehead_lines * 0.95 - 0.12 * row
        y = eye_y - 0.42 - 0.13 * row + rng.normal() * 0.01
        reach = 0.50 - 0.05 * row
        bend = rng.normal(size=5) * 0.014
        xs = np.linspace(-reach, reach, 5)
        crease(np.stack([xs, y + 0.10 * xs**2 + bend], axis=1), amount * 0.8, 0.030, both=False)
    if face.forehead_lines > 0.3:
        frown = [(0.055, eye_y - 0.30), (0.045, eye_y - 0.2), (0.06, eye_y - 0.12)]
        crease(frown, 0.75 * (face.forehead_lines - 0.25), 0.025)
    wing, corner = head.nose_width + 0.02, head.mouth_width
    depth = 0.12 + 0.22 * min(face.folds, 1)
    fold = [(wing, nose_y - 0.05), (wing + 0.12, nose_y + 0.08),
            (corner + 0.09, nose_y + 0.10 + depth * 0.6),
            (corner + 0.11, nose_y + 0.10 + depth)]  # fmt: skip
    crease(fold, 0.08 + 0.75 * face.folds, 0.034, 0.9)
    marionette = [(corner + 0.01, mouth_y + 0.05), (corner + 0.05, mouth_y + 0.16),
                  (corner + 0.04, mouth_y + 0.27)]  # fmt: skip
    crease(marionette, 0.85 * (face.jowls + face.folds) / 2 - 0.1, 0.034, 0.8)
    for angle in (-0.45, -0.05, 0.35, 0.7):
        start = np.array([head.eye_x + head.eye_width + 0.045, eye_y + 0.10 * angle])
        end = start + 0.17 * np.array([cosine(angle), sine(angle)])
        crease([start, (start + end) / 2 + (0, -0.01), end], 0.8 * face.crows_feet, 0.022)
    x, low = head.eye_x, eye_y + head.eye_height + 0.05
    bag = [(x - 0.15, low), (x - 0.05, low + 0.07), (x + 0.08, low + 0.06), (x + 0.16, low - 0.01)]
    crease(bag, 0.06 + 0.75 * face.bags, 0.034, 0.8)
    shadow, opacity = ellipse(x, low + 0.01, 0.14, 0.05), 0.5 * min(face.bags, 1)
    painter.paint(shadow, skin * (0.66, 0.54, 0.56), opacity, 1.5, painter.inside, both=True)
    if face.lip_loss > 0.25:
        ticks = [
            [(x, mouth_y - 0.13), (x * 1.05, mouth_y - 0.09), (x, mouth_y - 0.05)]
            for x in np.linspace(-0.16, 0.16, 7)
        ]
        painter.paint(ticks, dark, 0.55 * (face.lip_loss - 0.2), 0.4, painter.inside, width=0.018)
    if face.jowls > 0.2:
        jowl = [(0.50, mouth_y - 0.02), (0.55, mouth_y + 0.14), (0.50, mouth_y + 0.28),
                (0.36, mouth_y + 0.33)]  # fmt: skip
        crease(jowl, 0.55 * (face.jowls - 0.15), 0.045, 1.4)
    if face.thinning > 0.15:
        for x, y in ((0.60, 0.15), (0.66, 0.32), (0.62, 0.45)):
            crease([(x - 0.07, y), (x, y + 0.04), (x + 0.06, y + 0.14)], 0.5 * face.thinning, 0.02)


def _paint_nose(painter: Painter) -> None:
    head, skin = painter.head, painter.skin
    dark, w, y = skin * (0.56, 0.42, 0.38), head.nose_width, head.nose_y
    below = ellipse(0, y + 0.035, w * 1.05, 0.06)
    painter.paint(below, dark, 0.40, head.pixels(0.035), lift=0.1)
    for side in SIDES:
        nostril = ellipse(side * w * 0.52, y + 0.025, w * 0.30, 0.026, side * -0.25)
        painter.paint(nostril, skin * (0.34, 0.22, 0.20), 0.85, 0.5, lift=0.14)
    wing = curve([(w * 0.92, y - 0.09), (w * 1.08, y - 0.02), (w * 0.88, y + 0.05)])
    painter.paint(wing, dark, 0.55, 0.5, width=0.026, lift=0.08, both=True)
    flank = curve([(0.075, head.eye_y - 0.08), (0.085, head.eye_y + 0.1), (w * 0.7, y - 0.1)])
    opacity = 0.10 + 0.14 * painter.face.nose_growth
    painter.paint(flank, dark, opacity, 1.8, width=0.06, lift=0.05, both=True)
    shine = ellipse(0, y - 0.06, 0.05, 0.05)
    painter.paint(shine, np.minimum(skin * 1.15 + 18, 255), 0.35, 1.6, lift=0.18)


def _paint_mouth(painter: Painter) -> None:
    head, face, setting, skin = painter.head, painter.face, painter.setting, painter.skin
    w, y = head.mouth_width * (1 + 0.12 * setting.smile), head.mouth_y
    corner = y - 0.055 * setting.smile
    thick = (0.058 + 0.020 * face.lips) * (1 - 0.45 * min(face.lip_loss, 1))
    gap = 0.085 * max(0.0, setting.mouth_open) * (0.4 + 0.6 * max(0.0, setting.smile))
    natural = skin * (0.86, 0.58, 0.56)
    painted = np.array([178, 32, 56])
    strength = 0.75 * face.lipstick + 0.10 * max(0.0, face.lips)
    lip = natural + strength * (painted * (0.6 + 0.4 * skin.mean() / 200) - natural)

    def edge(middle: float, *right: tuple[float, float]) -> list[tuple[float, float]]:
        """From one corner to the other by the height of the middle, and points on the right."""
        side = [*right, (w, corner)]
        return [*mirrored(side), (0, middle), *side]

    def between(first: ArrayLike, second: ArrayLike) -> np.ndarray:
        return np.concatenate([curve(first), curve(second)[::-1]])

    upper = edge(y - thick * 0.85, (0.16 * w, y - thick * 1.05), (0.5 * w, y - thick * 0.75))
    seam = edge(y + 0.018, (0.5 * w, y + 0.012))
    lower = edge(y + gap + thick * 1.5, (0.55 * w, y + gap * 0.7 + thick * 1.0))
    painter.paint(between(seam, lower), lip, 0.95, 0.4, lift=0.05)
    painter.paint(between(upper, seam), lip * 0.84, 0.95, 0.4, lift=0.05)
    if gap > 0.012:
        lower_seam = [(px, py + gap * (1 - (px / w) ** 2)) for px, py in seam]
        painter.paint(between(seam, lower_seam), (70, 22, 26), 1, 0.3, lift=0.05)
        teeth = [(px * 0.86, py + min(gap, 0.06) * 0.8 * (1 - (px / w) ** 2)) for px, py in seam]
        top = [(px * 0.86, py) for px, py in seam]
        painter.paint(between(top, teeth), (236, 228, 216), 0.95, 0.3, lift=0.05)
    dark = lip * (0.42, 0.34, 0.36)
    painter.paint(curve(seam), dark, 0.85, 0.3, width=0.022, lift=0.05, ends=(0.5, 0.5))
    shine, opacity = np.minimum(lip * 1.2 + 30, 255), 0.28 + 0.3 * face.lipstick
    middle = y + gap + thick * 0.75
    painter.paint(ellipse(0, middle, w * 0.38, thick * 0.26), shine, opacity, 0.8, lift=0.07)
    for side in SIDES:
        dimple = ellipse(side * (w + 0.015), corner, 0.03, 0.03)
        painter.paint(dimple, skin * (0.6, 0.48, 0.44), 0.4, 1.0, lift=0.02)
    below = ellipse(0, y + gap + thick * 1.5 + 0.05, w * 0.55, 0.028)
    painter.paint(below, skin * (0.68, 0.55, 0.52), 0.4, 1.6, lift=0.02)


def _paint_eyes(painter: Painter) -> None:
    head, face, setting, skin = painter.head, painter.face, painter.setting, painter.skin
    w, h, y = head.eye_width, head.eye_height, head.eye_y
    lid = 1 - 0.45 * min(face.droop, 1)
    squint = 1 - 0.16 * max(0.0, setting.smile)
    inner, outer = (-w, 0.018), (w, -0.012 + 0.03 * face.droop)
    upper = curve([inner, (-0.55 * w, -h * 0.75 * squint), (0.05 * w, -h * squint),
                   (0.6 * w, -h * 0.70 * squint * lid), outer], 5)  # fmt: skip
    lower = curve([inner, (-0.45 * w, h * 0.55), (0.15 * w, h * 0.68 * squint),
                   (0.65 * w, h * 0.45), outer], 5)  # fmt: skip
    # Of the right eye, from its middle to the middle of the face.
    middle = (head.eye_x, y)
    eye = np.concatenate([upper, lower[::-1]]) + middle
    openings = [coverage(head.place(eye * (side, 1)), 0.3) for side in SIDES]
    opening = np.maximum(*openings)
    painter.paint(eye, (238, 232, 226), 1, 0.3, both=True)
    gaze_x, gaze_y = setting.gaze
    iris, down = np.array(setting.eye_colour), gaze_y * h - 0.006
    for side in SIDES:
        for size, lower_by, colour, blur in (
            (1, 0, iris * 0.45, 0.4),
            (0.78, 0.01, iris, 0.7),
            (0.42, 0, (14, 10, 12), 0.3),
        ):
            radius = head.iris * size
            disc = ellipse(side * gaze_x * w, down + lower_by, radius, radius) + middle
            painter.paint(disc * (side, 1), colour, 1, blur, opening)
    shade = np.concatenate([upper, (upper + (0, h * 0.5))[::-1]]) + middle
    painter.paint(shade, (60, 40, 40), 0.35, 1.0, opening, both=True)
    below = skin * (0.55, 0.38, 0.36)
    painter.paint(lower + middle, below, 0.6, 0.4, width=0.016, both=True, ends=(0.6, 0.6))
    lashes = 0.018 + 0.011 * max(0.0, 1 + face.lashes)
    painter.paint(
        upper + middle, (26, 18, 18), 0.95, 0.25, width=lashes, both=True, ends=(0.35, 0.7)
    )
    fringe = max(0.0, face.lashes) * 0.055 * (1 - 0.5 * min(face.droop, 1))
    if fringe > 0.01:
        roots = upper[8::2]
        t = np.linspace(0, 1, len(roots))
        tips = roots + fringe * np.stack([0.2 + 0.9 * t, 0.4 * t - 1.1], axis=1)
        hairs = np.stack([roots, (roots + tips) / 2 + (0.008, 0), tips], axis=1) + middle
        painter.paint(hairs, (22, 16, 18), 0.9, width=0.020, both=True, ends=(1, 0.1))
    # The fold of the lid sinks with age until it hangs over the eye.
    fold = upper * (1.04, 1) + (0, -0.045 + 0.02 * min(face.droop, 1)) + middle
    width, colour = 0.018 + 0.016 * face.droop, skin * (0.55, 0.42, 0.40)
    painter.paint(fold, colour, 0.65, 0.5, width=width, both=True, ends=(0.3, 0.8))
    if face.droop > 0.1:
        hood = np.concatenate([upper + (0, -0.06), (upper + (0.02, 0.0))[::-1]])[6:-6] + middle
        painter.paint(hood, skin * 0.9, 0.7 * min(face.droop, 1), 0.9, both=True)
    corner = ellipse(-w * 0.93, 0.012, 0.022, 0.016) + middle
    painter.paint(corner, skin * (0.9, 0.55, 0.52), 0.8, 0.4, both=True)


def _paint_glints(painter: Painter) -> None:
    head, setting = painter.head, painter.setting
    offset = 0.03 * np.sign(setting.light_from)
    for side in SIDES:
        x = side * head.eye_x + setting.gaze[0] * head.eye_width + offset
        painter.paint(ellipse(x, head.eye_y - 0.03, 0.021, 0.021, n=12), (255, 255, 255), 0.9, 0.25)


def _paint_brows(painter: Painter) -> None:
    head, face = painter.head, painter.face
    colour = np.minimum(painter.hair * 0.72, painter.skin * 0.8)
    thick = (mix(0.040, 0.066, face.chin_growth) - 0.018 * face.brows) * (1 + 0.1 * face.jowls)
    above = mix(0.235, 0.185, face.eye_growth) + 0.018 * face.brows + head.eye_height * 0.35
    arch = 0.05 + 0.02 * face.brows
    opacity = mix(0.28, 0.88, face.chin_growth) * (1 - 0.25 * min(face.thinning, 1))
    x, y = head.eye_x, head.eye_y - above
    brow = [(x - 0.185, y), (x - 0.05, y - 0.55 * arch), (x + 0.09, y - 0.9 * arch),
            (x + 0.22, y + 0.02 + 0.03 * face.droop)]  # fmt: skip
    for side in SIDES:
        path = curve(brow, 5) * (side, 1)
        painter.paint(path, colour, opacity * 0.8, 0.8, width=thick, lift=0.03, ends=(0.75, 0.1))
        up, down = painter.rng.uniform((0.2, -0.1), (0.8, 0.5), (len(path) - 2, 2)).T * thick
        roots = path[1:-1] + np.stack([0 * down, down], axis=1)
        tips = roots + np.stack([0 * up + side * 0.055, -up], axis=1)
        hairs = head.place(np.stack([roots, (roots + tips) / 2, tips], axis=1), 0.03)
        fill(painter.pixels, stroke(hairs, 1.0, (1, 0.2)), colour * 0.75, opacity * 0.7)


def _light(painter: Painter) -> None:
    diffuse, gloss = painter.head.light()
    # Light goes into skin and comes out redder: shadows lose less red than blue.
    exponents = np.array([0.85, 1.05, 1.12], dtype=np.float32)
    inside, pixels = painter.inside, painter.pixels
    face = inside > 0
    under = pixels[face]
    shade = power(np.clip(diffuse[face], 0.05, 1.6)[:, None], exponents)
    lit = under * shade + (gloss[face] * (34 * painter.setting.light_strength))[:, None]
    pixels[face] += inside[face][:, None] * (lit - under)


def _paint_jewellery(painter: Painter) -> None:
    head, rng = painter.head, painter.rng
    if painter.face.earrings:
        metal = (226, 190, 96) if rng.random() < 0.6 else (214, 216, 224)
        y = head.nose_y + 0.14
        for side in SIDES:
            x = side * (head.width + 0.02)
            painter.paint(ellipse(x, y, 0.045, 0.075), metal, 0.95, 0.3, z=0.0)
            glint = ellipse(x - 0.012, y - 0.025, 0.016, 0.02)
            painter.paint(glint, (255, 250, 230), 0.9, 0.3, z=0.0)
    if painter.face.bow:
        colours = ((232, 96, 146), (206, 60, 92), (244, 160, 190), (150, 110, 200))
        colour = np.array(colours[int(rng.integers(4))])
        x, y = 0.42 if rng.random() < 0.5 else -0.42, -1.06
        for wing in SIDES:
            leaf = [(x, y), (x + wing * 0.20, y - 0.16), (x + wing * 0.27, y + 0.02),
                    (x + wing * 0.17, y + 0.13)]  # fmt: skip
            painter.paint(curve(leaf, 5, closed=True), colour * 0.9, z=0.35)
            inner = ellipse(x + wing * 0.16, y - 0.01, 0.07, 0.05)
            painter.paint(inner, colour * 0.62, 0.7, 1.4, z=0.35)
        painter.paint(ellipse(x, y, 0.06, 0.07), np.minimum(colour + 20, 255), z=0.35)


def _paint_glasses(painter: Painter) -> None:
    head, setting = painter.head, painter.setting
    if setting.glasses == "none":
        return
    width = 0.022 if setting.glasses == "thin" else 0.052
    colour = setting.glasses_colour
    y, rx, ry = head.eye_y + 0.03, 0.255, 0.205
    angle = np.linspace(0, 2 * np.pi, 33)
    # Rounder than a rectangle, and less round than an ellipse.
    across, down = (np.sign(v) * power(abs(v), 0.75) for v in (cosine(angle), sine(angle)))
    for side in SIDES:
        x = side * head.eye_x
        rim = np.stack([x * 1.02 + rx * across, y + ry * down], axis=1)
        painter.paint(rim, (232, 240, 248), 0.10, lift=0.16)
        painter.paint(rim, colour, 0.95, width=width, lift=0.16, ends=(1, 1))
        first = head.place([(side * (head.eye_x + rx), y - 0.08)], 0.16)
        last = head.project([(side * head.width, y - 0.05)], 0.0)
        arm = np.concatenate([first, (first + last) / 2, last])
        fill(painter.pixels, stroke(arm, head.pixels(width), (1, 1)), colour, 0.9)
        flare = [(x - 0.12, y - 0.13), (x + 0.02, y - 0.14), (x - 0.09, y + 0.08),
                 (x - 0.16, y + 0.05)]  # fmt: skip
        painter.paint(flare, (255, 255, 255), 0.16, 0.8, lift=0.16)
    inner = head.eye_x * 1.02 - rx
    bridge = curve([(-inner, y - 0.03), (0, y - 0.08), (inner, y - 0.03)])
    painter.paint(bridge, colour, 0.95, width=width, lift=0.18, ends=(1, 1))


def _photograph(pixels: np.ndarray, setting: Setting, rng: Generator) -> Image.Image:
    gains = setting.exposure * np.array([1 + setting.warmth, 1.0, 1 - setting.warmth])
    exposed = np.clip(pixels * gains.astype(np.float32), 0, 255)
    image = Image.fromarray(exposed.astype(np.uint8))
    if setting.blur > 0.1:
        image = image.filter(ImageFilter.GaussianBlur(setting.blur))
    grain = rng.standard_normal((SIZE, SIZE, 1), dtype=np.float32) * np.float32(setting.noise)
    noisy = np.asarray(image, dtype=np.float32) + grain
    return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))
