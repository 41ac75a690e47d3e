"""Painting a person: background, shoulders, head, features, hair, and what the camera adds."""

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from PIL import Image, ImageFilter

from portraits.canvas import Canvas, Mask, Points, curve, ellipse, stroke
from portraits.exact import cosine, length, power, sine
from portraits.hair import paint_back_hair, paint_beard, paint_hair
from portraits.head import Head
from portraits.people import Face, Setting

SIZE = 200


def draw_portrait(face: Face, setting: Setting, rng: Generator) -> Image.Image:
    """A picture of ``face`` in ``setting``, RGB, 200 by 200; ``rng`` draws spots and noise."""
    canvas = Canvas(_background(setting, rng))
    head = Head(face, setting, SIZE)
    skin = _skin_colour(face, setting)
    hair = _hair_colour(face, setting)
    diffuse, gloss = head.light()
    paint_back_hair(canvas, head, face, setting, hair, rng)
    _paint_body(canvas, head, face, setting, skin)
    _paint_ears(canvas, head, face, skin)
    outline = head.outline()
    inside = canvas.mask(outline, 0.5)
    canvas.fill(outline, skin)
    _paint_complexion(canvas, head, face, setting, skin, inside, rng)
    _paint_wrinkles(canvas, head, face, skin, inside, rng)
    _paint_nose(canvas, head, face, skin)
    _paint_mouth(canvas, head, face, setting, skin)
    paint_beard(canvas, head, face, hair, inside, rng)
    _paint_eyes(canvas, head, face, setting, skin)
    _paint_brows(canvas, head, face, hair, skin, rng)
    _light(canvas, diffuse, gloss, inside, setting)
    _paint_glints(canvas, head, setting)
    paint_hair(canvas, head, face, setting, hair, inside, rng)
    _paint_jewellery(canvas, head, face, rng)
    _paint_glasses(canvas, head, setting)
    return _photograph(canvas.pixels, setting, rng)


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


def _skin_colour(face: Face, setting: Setting) -> np.ndarray:
    skin = np.array(setting.skin)
    dull = skin.mean() * np.array([1.06, 1.0, 0.9])
    return np.asarray(skin + 0.30 * face.pallor * (dull - skin))


def _hair_colour(face: Face, setting: Setting) -> np.ndarray:
    young = np.array(setting.hair_colour)
    # Infants' hair is finer and lighter.
    young = young + (1 - face.skull_growth) * 0.25 * (np.array([150, 120, 90]) - young)
    silver = np.array([206, 204, 202])
    return np.asarray(young + 0.95 * face.grey * (silver - young))


def _paint_body(canvas: Canvas, head: Head, face: Face, setting: Setting, skin: np.ndarray) -> None:
    clothes = np.array(face.clothes)
    neck = _mix(0.40, 0.50, face.chin_growth) - 0.07 * face.jaw * face.chin_growth
    shoulders = np.array(
        [(-1.9, 2.4), (-1.75, 1.75), (-1.1, 1.48), (-neck - 0.08, 1.32), (0, 1.40),
         (neck + 0.08, 1.32), (1.1, 1.48), (1.75, 1.75), (1.9, 2.4)]
    )  # fmt: skip
    throat = np.array(
        [(-neck, 0.4), (-neck, 1.1), (-neck - 0.12, 1.42), (0, 1.72), (neck + 0.12, 1.42),
         (neck, 1.1), (neck, 0.4)]
    )  # fmt: skip
    body = head.project(curve(shoulders), -0.25)
    canvas.fill(body, clothes * 0.82)
    canvas.fill(
        head.project(ellipse(-np.sign(setting.light_from) * 0.9, 1.9, 0.7, 0.6), -0.25),
        clothes * 0.6, 0.5, 9,
    )  # fmt: skip
    canvas.fill(
        head.project(ellipse(np.sign(setting.light_from) * 0.9, 1.8, 0.6, 0.3), -0.25),
        np.minimum(clothes * 1.1 + 15, 255), 0.45, 9,
    )  # fmt: skip
    canvas.fill(head.project(curve(throat), -0.15), skin * 0.86)
    jaw = curve([(-neck - 0.1, 0.8), (-0.3, 1.16), (0, 1.26), (0.3, 1.16), (neck + 0.1, 0.8)])
    canvas.fill(head.project(jaw, 0.1), skin * (0.52, 0.45, 0.42), 0.75, 3.5)
    if setting.collar == "round":
        line = curve([(-neck - 0.12, 1.38), (0, 1.70), (neck + 0.12, 1.38)])
        canvas.fill(stroke(head.project(line, -0.15), head.pixels(0.09), (1, 1)), clothes * 0.68)
    elif setting.collar == "high":
        roll = np.array([(-neck - 0.1, 1.18), (0, 1.36), (neck + 0.1, 1.18), (neck + 0.2, 1.9),
                         (-neck - 0.2, 1.9)])  # fmt: skip
        canvas.fill(head.project(roll, -0.1), clothes * 0.9)
        line = curve([(-neck - 0.1, 1.18), (0, 1.36), (neck + 0.1, 1.18)])
        canvas.fill(stroke(head.project(line, -0.1), head.pixels(0.05), (1, 1)), clothes * 0.65)
    else:
        for side in (-1, 1):
            flap = np.array([(neck + 0.02, 1.16), (0.02, 1.62), (0.26, 1.86), (neck + 0.3, 1.42)])
            flap = flap * (side, 1)
            canvas.fill(head.project(flap, -0.05), np.minimum(clothes * 0.95 + 12, 255))
            canvas.fill(
                stroke(head.project(flap[1:], -0.05), head.pixels(0.025)), clothes * 0.5, 0.8
            )


def _paint_ears(canvas: Canvas, head: Head, face: Face, skin: np.ndarray) -> None:
    height = 0.23 + 0.05 * face.droop
    middle = (head.eye_y + head.nose_y) / 2 + 0.02
    for side in (-1, 1):
        x = side * (head.width - 0.005)
        canvas.fill(
            head.project(ellipse(x, middle, 0.115, height, side * 0.18), -0.05),
            skin * (0.93, 0.86, 0.84),
        )
        canvas.fill(
            head.project(ellipse(x, middle, 0.07, height * 0.62, side * 0.18), -0.05),
            skin * (0.72, 0.58, 0.54), 0.7, 1.2,
        )  # fmt: skip


def _paint_complexion(
    canvas: Canvas,
    head: Head,
    face: Face,
    setting: Setting,
    skin: np.ndarray,
    inside: Mask,
    rng: Generator,
) -> None:
    blush = skin * (1.04, 0.80, 0.78)
    strength = 0.30 + 0.40 * face.cheeks - 0.18 * face.pallor + 0.3 * face.lipstick
    for side in (-1, 1):
        cheek = ellipse(side * 0.47, head.nose_y - 0.02, 0.21, 0.17)
        canvas.fill(head.place(cheek), blush, strength, head.pixels(0.09), inside)
        socket = ellipse(side * head.eye_x, head.eye_y - 0.02, 0.22, 0.15)
        canvas.fill(head.place(socket), skin * (0.78, 0.68, 0.66), 0.38, head.pixels(0.06), inside)
        if face.thinning > 0.05:
            hollow = ellipse(side * 0.55, head.mouth_y - 0.04, 0.10, 0.22, side * -0.25)
            canvas.fill(
                head.place(hollow), skin * (0.7, 0.62, 0.58), 0.55 * face.thinning,
                head.pixels(0.06), inside,
            )  # fmt: skip
    if face.spots > 0:
        for _ in range(rng.poisson(15 * face.spots)):
            x, y = rng.uniform((-0.72, -1.05), (0.72, 0.8))
            radius = rng.uniform(0.012, 0.05)
            spot = ellipse(x, y, radius, radius * rng.uniform(0.7, 1.3), n=10)
            canvas.fill(
                head.place(spot), skin * (0.70, 0.58, 0.50), rng.uniform(0.25, 0.6), 0.7, inside
            )
    if setting.freckles > 0:
        middles = rng.normal(size=(40, 1, 2)) * (0.33, 0.11) + (0, head.nose_y - 0.12)
        dots = head.place(middles + ellipse(0, 0, 0.016, 0.016, n=8))
        canvas.fill(dots, skin * (0.72, 0.55, 0.42), min(0.5, 0.35 * setting.freckles), 0, inside)


def _paint_wrinkles(
    canvas: Canvas, head: Head, face: Face, skin: np.ndarray, inside: Mask, rng: Generator
) -> None:
    dark, bright = skin * (0.58, 0.46, 0.42), np.minimum(skin * 1.10 + 8, 255)
    unit = head.pixels(1)

    def crease(line: ArrayLike, amount: float, width: float, soft: float = 0.6) -> None:
        if amount <= 0.02:
            return
        path = curve(line, 5)
        opacity = float(min(0.85, amount))
        below = path + (0.0, width * 0.9)
        canvas.fill(stroke(head.place(below), width * unit), bright, 0.45 * opacity, 1.0, inside)
        canvas.fill(stroke(head.place(path), width * unit), dark, opacity, soft, inside)

    def both(line: ArrayLike, amount: float, width: float, soft: float = 0.6) -> None:
        points = np.asarray(line, dtype=float)
        crease(points, amount, width, soft)
        crease(points * (-1, 1), amount, width, soft)

    eye_x, eye_y, nose_y, mouth_y = head.eye_x, head.eye_y, head.nose_y, head.mouth_y
    for row in range(4):
        amount = face.forehead_lines * 0.95 - 0.12 * row
        y = eye_y - 0.42 - 0.13 * row + rng.normal() * 0.01
        reach = 0.50 - 0.05 * row
        bend = rng.normal(size=5) * 0.014
        xs = np.linspace(-reach, reach, 5)
        line = np.stack([xs, y + 0.10 * xs**2 + bend], axis=1)
        crease(line, amount * 0.8, 0.030)
    if face.forehead_lines > 0.3:
        frown = [(0.055, eye_y - 0.30), (0.045, eye_y - 0.2), (0.06, eye_y - 0.12)]
        both(frown, 0.75 * (face.forehead_lines - 0.25), 0.025)
    wing = head.nose_width + 0.02
    depth = 0.12 + 0.22 * min(face.folds, 1)
    both(
        [(wing, nose_y - 0.05), (wing + 0.12, nose_y + 0.08),
         (head.mouth_width + 0.09, nose_y + 0.10 + depth * 0.6),
         (head.mouth_width + 0.11, nose_y + 0.10 + depth)],
        0.08 + 0.75 * face.folds, 0.034, 0.9,
    )  # fmt: skip
    both(
        [(head.mouth_width + 0.01, mouth_y + 0.05), (head.mouth_width + 0.05, mouth_y + 0.16),
         (head.mouth_width + 0.04, mouth_y + 0.27)],
        0.85 * (face.jowls + face.folds) / 2 - 0.1, 0.034, 0.8,
    )  # fmt: skip
    outer = eye_x + head.eye_width
    for angle in (-0.45, -0.05, 0.35, 0.7):
        start = np.array([outer + 0.045, eye_y + 0.10 * angle])
        end = start + 0.17 * np.array([cosine(angle), sine(angle)])
        both([start, (start + end) / 2 + (0, -0.01), end], 0.8 * face.crows_feet, 0.022)
    low = eye_y + head.eye_height + 0.05
    bag = [(eye_x - 0.15, low), (eye_x - 0.05, low + 0.07), (eye_x + 0.08, low + 0.06),
           (eye_x + 0.16, low - 0.01)]  # fmt: skip
    both(bag, 0.06 + 0.75 * face.bags, 0.034, 0.8)
    shadow = ellipse(eye_x, low + 0.01, 0.14, 0.05)
    for side in (-1, 1):
        canvas.fill(
            head.place(shadow * (side, 1)), skin * (0.66, 0.54, 0.56), 0.5 * min(face.bags, 1), 1.5,
            inside,
        )  # fmt: skip
    if face.lip_loss > 0.25:
        ticks = np.array(
            [[(x, mouth_y - 0.13), (x * 1.05, mouth_y - 0.09), (x, mouth_y - 0.05)]
             for x in np.linspace(-0.16, 0.16, 7)]
        )  # fmt: skip
        canvas.fill(
            stroke(head.place(ticks), 0.018 * unit), dark, 0.55 * (face.lip_loss - 0.2), 0.4, inside
        )
    if face.jowls > 0.2:
        both(
            [(0.50, mouth_y - 0.02), (0.55, mouth_y + 0.14), (0.50, mouth_y + 0.28),
             (0.36, mouth_y + 0.33)],
            0.55 * (face.jowls - 0.15), 0.045, 1.4,
        )  # fmt: skip
    if face.thinning > 0.15:
        for x, y in ((0.60, 0.15), (0.66, 0.32), (0.62, 0.45)):
            both([(x - 0.07, y), (x, y + 0.04), (x + 0.06, y + 0.14)], 0.5 * face.thinning, 0.02)


def _paint_nose(canvas: Canvas, head: Head, face: Face, skin: np.ndarray) -> None:
    dark = skin * (0.56, 0.42, 0.38)
    w, y = head.nose_width, head.nose_y
    canvas.fill(
        head.place(ellipse(0, y + 0.035, w * 1.05, 0.06), 0.1), dark, 0.40, head.pixels(0.035)
    )
    for side in (-1, 1):
        nostril = ellipse(side * w * 0.52, y + 0.025, w * 0.30, 0.026, side * -0.25)
        canvas.fill(head.place(nostril, 0.14), skin * (0.34, 0.22, 0.20), 0.85, 0.5)
        wing = np.array([(side * w * 0.92, y - 0.09), (side * w * 1.08, y - 0.02),
                         (side * w * 0.88, y + 0.05)])  # fmt: skip
        canvas.fill(stroke(head.place(curve(wing), 0.08), head.pixels(0.026)), dark, 0.55, 0.5)
        flank = np.array([(side * 0.075, head.eye_y - 0.08), (side * 0.085, head.eye_y + 0.1),
                          (side * w * 0.7, y - 0.1)])  # fmt: skip
        canvas.fill(
            stroke(head.place(curve(flank), 0.05), head.pixels(0.06)), dark,
            0.10 + 0.14 * face.nose_growth, 1.8,
        )  # fmt: skip
    shine = ellipse(0, y - 0.06, 0.05, 0.05)
    canvas.fill(head.place(shine, 0.18), np.minimum(skin * 1.15 + 18, 255), 0.35, 1.6)


def _paint_mouth(
    canvas: Canvas, head: Head, face: Face, setting: Setting, skin: np.ndarray
) -> None:
    w, y = head.mouth_width * (1 + 0.12 * setting.smile), head.mouth_y
    corner = y - 0.055 * setting.smile
    thick = (0.058 + 0.020 * face.lips) * (1 - 0.45 * min(face.lip_loss, 1))
    gap = 0.085 * max(0.0, setting.mouth_open) * (0.4 + 0.6 * max(0.0, setting.smile))
    natural = skin * (0.86, 0.58, 0.56)
    painted = np.array([178, 32, 56])
    strength = 0.75 * face.lipstick + 0.10 * max(0.0, face.lips)
    lip = natural + strength * (painted * (0.6 + 0.4 * skin.mean() / 200) - natural)
    upper_edge = [(-w, corner), (-0.5 * w, y - thick * 0.75), (-0.16 * w, y - thick * 1.05),
                  (0, y - thick * 0.85), (0.16 * w, y - thick * 1.05), (0.5 * w, y - thick * 0.75),
                  (w, corner)]  # fmt: skip
    seam = [(-w, corner), (-0.5 * w, y + 0.012), (0, y + 0.018), (0.5 * w, y + 0.012), (w, corner)]
    lower_seam = [(px, py + gap * (1 - (px / w) ** 2)) for px, py in seam]
    lower_edge = [(-w, corner), (-0.55 * w, y + gap * 0.7 + thick * 1.0),
                  (0, y + gap + thick * 1.5), (0.55 * w, y + gap * 0.7 + thick * 1.0),
                  (w, corner)]  # fmt: skip

    def between(first: ArrayLike, second: ArrayLike) -> Points:
        return head.place(np.concatenate([curve(first), curve(second)[::-1]]), 0.05)

    canvas.fill(between(seam, lower_edge), lip, 0.95, 0.4)
    canvas.fill(between(upper_edge, seam), lip * 0.84, 0.95, 0.4)
    if gap > 0.012:
        canvas.fill(between(seam, lower_seam), (70, 22, 26), 1, 0.3)
        teeth = [(px * 0.86, py + min(gap, 0.06) * 0.8 * (1 - (px / w) ** 2)) for px, py in seam]
        top = [(px * 0.86, py) for px, py in seam]
        canvas.fill(between(top, teeth), (236, 228, 216), 0.95, 0.3)
    line = stroke(head.place(curve(seam), 0.05), head.pixels(0.022), (0.5, 0.5))
    canvas.fill(line, lip * (0.42, 0.34, 0.36), 0.85, 0.3)
    shine = ellipse(0, y + gap + thick * 0.75, w * 0.38, thick * 0.26)
    canvas.fill(
        head.place(shine, 0.07), np.minimum(lip * 1.2 + 30, 255), 0.28 + 0.3 * face.lipstick, 0.8
    )
    for side in (-1, 1):
        dimple = ellipse(side * (w + 0.015), corner, 0.03, 0.03)
        canvas.fill(head.place(dimple, 0.02), skin * (0.6, 0.48, 0.44), 0.4, 1.0)
    below = ellipse(0, y + gap + thick * 1.5 + 0.05, w * 0.55, 0.028)
    canvas.fill(head.place(below, 0.02), skin * (0.68, 0.55, 0.52), 0.4, 1.6)


def _paint_eyes(canvas: Canvas, head: Head, face: Face, setting: Setting, skin: np.ndarray) -> None:
    w, h, y = head.eye_width, head.eye_height, head.eye_y
    lid = 1 - 0.45 * min(face.droop, 1)
    squint = 1 - 0.16 * max(0.0, setting.smile)
    unit = head.pixels(1)
    lashes = 0.018 + 0.011 * max(0.0, 1 + face.lashes)
    for side in (-1, 1):
        x = side * head.eye_x

        def at(points: ArrayLike, x: float = x, side: int = side, lift: float = 0.0) -> Points:
            """Pixels of places beside the middle of this eye, x outwards."""
            return head.place(np.asarray(points, dtype=float) * (side, 1) + (x, y), lift)

        upper = curve(
            [(-w, 0.018), (-0.55 * w, -h * 0.75 * squint), (0.05 * w, -h * squint),
             (0.6 * w, -h * 0.70 * squint * lid), (w, -0.012 + 0.03 * face.droop)], 5,
        )  # fmt: skip
        lower = curve(
            [(-w, 0.018), (-0.45 * w, h * 0.55), (0.15 * w, h * 0.68 * squint),
             (0.65 * w, h * 0.45), (w, -0.012 + 0.03 * face.droop)], 5,
        )  # fmt: skip
        eye = at(np.concatenate([upper, lower[::-1]]))
        opening = canvas.mask(eye, 0.3)
        canvas.fill(eye, (238, 232, 226), 1, 0.3)
        gx, gy = setting.gaze
        cx, cy = side * gx * w, gy * h - 0.006
        iris = np.array(setting.eye_colour)
        canvas.fill(at(ellipse(cx, cy, head.iris, head.iris)), iris * 0.45, 1, 0.4, opening)
        canvas.fill(
            at(ellipse(cx, cy + 0.01, head.iris * 0.78, head.iris * 0.78)), iris, 1, 0.7, opening
        )
        canvas.fill(
            at(ellipse(cx, cy, head.iris * 0.42, head.iris * 0.42)), (14, 10, 12), 1, 0.3, opening
        )
        shade = np.concatenate([upper, (upper + (0, h * 0.5))[::-1]])
        canvas.fill(at(shade), (60, 40, 40), 0.35, 1.0, opening)
        canvas.fill(
            stroke(at(lower), 0.016 * unit, (0.6, 0.6)), skin * (0.55, 0.38, 0.36), 0.6, 0.4
        )
        canvas.fill(stroke(at(upper), lashes * unit, (0.35, 0.7)), (26, 18, 18), 0.95, 0.25)
        fringe = max(0.0, face.lashes) * 0.055 * (1 - 0.5 * min(face.droop, 1))
        if fringe > 0.01:
            roots = upper[8::2]
            t = np.linspace(0, 1, len(roots))
            tips = roots + fringe * np.stack([0.2 + 0.9 * t, 0.4 * t - 1.1], axis=1)
            hairs = at(np.stack([roots, (roots + tips) / 2 + (0.008, 0), tips], axis=1))
            canvas.fill(stroke(hairs, 0.020 * unit, (1, 0.1)), (22, 16, 18), 0.9)
        # The fold of the lid sinks with age until it hangs over the eye.
        fold = upper * (1.04, 1) + (0, -0.045 + 0.02 * min(face.droop, 1))
        canvas.fill(
            stroke(at(fold), (0.018 + 0.016 * face.droop) * unit, (0.3, 0.8)),
            skin * (0.55, 0.42, 0.40), 0.65, 0.5,
        )  # fmt: skip
        if face.droop > 0.1:
            hood = np.concatenate([upper + (0, -0.06), (upper + (0.02, 0.0))[::-1]])[6:-6]
            canvas.fill(at(hood), skin * 0.9, 0.7 * min(face.droop, 1), 0.9)
        canvas.fill(at(ellipse(-w * 0.93, 0.012, 0.022, 0.016)), skin * (0.9, 0.55, 0.52), 0.8, 0.4)


def _paint_glints(canvas: Canvas, head: Head, setting: Setting) -> None:
    offset = 0.03 * np.sign(setting.light_from)
    for side in (-1, 1):
        x = side * head.eye_x + setting.gaze[0] * head.eye_width + offset
        glint = ellipse(x, head.eye_y - 0.03, 0.021, 0.021, n=12)
        canvas.fill(head.place(glint), (255, 255, 255), 0.9, 0.25)


def _paint_brows(
    canvas: Canvas, head: Head, face: Face, hair: np.ndarray, skin: np.ndarray, rng: Generator
) -> None:
    colour = np.minimum(hair * 0.72, skin * 0.8)
    thick = (_mix(0.040, 0.066, face.chin_growth) - 0.018 * face.brows) * (1 + 0.1 * face.jowls)
    above = _mix(0.235, 0.185, face.eye_growth) + 0.018 * face.brows + head.eye_height * 0.35
    arch = 0.05 + 0.02 * face.brows
    opacity = _mix(0.28, 0.88, face.chin_growth) * (1 - 0.25 * min(face.thinning, 1))
    for side in (-1, 1):
        y = head.eye_y - above
        path = curve(
            [(head.eye_x - 0.185, y), (head.eye_x - 0.05, y - 0.55 * arch),
             (head.eye_x + 0.09, y - 0.9 * arch),
             (head.eye_x + 0.22, y + 0.02 + 0.03 * face.droop)],
            5,
        ) * (side, 1)  # fmt: skip
        line = head.place(path, 0.03)
        canvas.fill(stroke(line, head.pixels(thick), (0.75, 0.1)), colour, opacity * 0.8, 0.8)
        up, down = rng.uniform((0.2, -0.1), (0.8, 0.5), (len(path) - 2, 2)).T * thick
        roots = path[1:-1] + np.stack([0 * down, down], axis=1)
        tips = roots + np.stack([0 * up + side * 0.055, -up], axis=1)
        hairs = head.place(np.stack([roots, (roots + tips) / 2, tips], axis=1), 0.03)
        canvas.fill(stroke(hairs, 1.0, (1, 0.2)), colour * 0.75, opacity * 0.7)


def _light(canvas: Canvas, diffuse: Mask, gloss: Mask, inside: Mask, setting: Setting) -> None:
    # Light goes into skin and comes out redder: shadows lose less red than blue.
    exponents = np.array([0.85, 1.05, 1.12], dtype=np.float32)
    face = inside > 0
    under = canvas.pixels[face]
    shade = power(np.clip(diffuse[face], 0.05, 1.6)[:, None], exponents)
    lit = under * shade + (gloss[face] * (34 * setting.light_strength))[:, None]
    canvas.pixels[face] += inside[face][:, None] * (lit - under)


def _paint_jewellery(canvas: Canvas, head: Head, face: Face, rng: Generator) -> None:
    if face.earrings:
        gold = (226, 190, 96) if rng.random() < 0.6 else (214, 216, 224)
        y = head.nose_y + 0.14
        for side in (-1, 1):
            drop = ellipse(side * (head.width + 0.02), y, 0.045, 0.075)
            canvas.fill(head.project(drop, 0.0), gold, 0.95, 0.3)
            glint = ellipse(side * (head.width + 0.02) - 0.012, y - 0.025, 0.016, 0.02)
            canvas.fill(head.project(glint, 0.0), (255, 250, 230), 0.9, 0.3)
    if face.bow:
        colour = np.array(((232, 96, 146), (206, 60, 92), (244, 160, 190), (150, 110, 200))[
            int(rng.integers(4))
        ])  # fmt: skip
        side = 1 if rng.random() < 0.5 else -1
        x, y = side * 0.42, -1.06
        for wing in (-1, 1):
            leaf = curve(
                [(x, y), (x + wing * 0.20, y - 0.16), (x + wing * 0.27, y + 0.02),
                 (x + wing * 0.17, y + 0.13)], 5, closed=True,
            )  # fmt: skip
            canvas.fill(head.project(leaf, 0.35), colour * 0.9)
            inner = ellipse(x + wing * 0.16, y - 0.01, 0.07, 0.05)
            canvas.fill(head.project(inner, 0.35), colour * 0.62, 0.7, 1.4)
        canvas.fill(head.project(ellipse(x, y, 0.06, 0.07), 0.35), np.minimum(colour + 20, 255))


def _paint_glasses(canvas: Canvas, head: Head, setting: Setting) -> None:
    if setting.glasses == "none":
        return
    width = 0.022 if setting.glasses == "thin" else 0.052
    unit = head.pixels(1)
    y, rx, ry = head.eye_y + 0.03, 0.255, 0.205
    angle = np.linspace(0, 2 * np.pi, 33)
    # Rounder than a rectangle, and less round than an ellipse.
    across, down = (np.sign(v) * power(abs(v), 0.75) for v in (cosine(angle), sine(angle)))
    for side in (-1, 1):
        rim = np.stack([side * head.eye_x * 1.02 + rx * across, y + ry * down], axis=1)
        glass = head.place(rim, 0.16)
        canvas.fill(glass, (232, 240, 248), 0.10)
        canvas.fill(stroke(glass, width * unit, (1, 1)), setting.glasses_colour, 0.95)
        first, last = (
            head.place([(side * (head.eye_x + rx), y - 0.08)], 0.16),
            head.project([(side * head.width, y - 0.05)], 0.0),
        )
        arm = np.concatenate([first, (first + last) / 2, last])
        canvas.fill(stroke(arm, width * unit, (1, 1)), setting.glasses_colour, 0.9)
        flare = np.array(
            [
                (side * head.eye_x - 0.12, y - 0.13),
                (side * head.eye_x + 0.02, y - 0.14),
                (side * head.eye_x - 0.09, y + 0.08),
                (side * head.eye_x - 0.16, y + 0.05),
            ]
        )
        canvas.fill(head.place(flare, 0.16), (255, 255, 255), 0.16, 0.8)
    inner = head.eye_x * 1.02 - rx
    bridge = curve([(-inner, y - 0.03), (0, y - 0.08), (inner, y - 0.03)])
    canvas.fill(
        stroke(head.place(bridge, 0.18), width * unit, (1, 1)), setting.glasses_colour, 0.95
    )


def _photograph(pixels: np.ndarray, setting: Setting, rng: Generator) -> Image.Image:
    gains = setting.exposure * np.array([1 + setting.warmth, 1.0, 1 - setting.warmth])
    exposed = np.clip(pixels * gains.astype(np.float32), 0, 255)
    image = Image.fromarray(exposed.astype(np.uint8))
    if setting.blur > 0.1:
        image = image.filter(ImageFilter.GaussianBlur(setting.blur))
    grain = rng.standard_normal((SIZE, SIZE, 1), dtype=np.float32) * np.float32(setting.noise)
    noisy = np.asarray(image, dtype=np.float32) + grain
    return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))


def _mix(first: float, second: float, share: float) -> float:
    return first + (second - first) * share
