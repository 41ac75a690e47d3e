"""Hair and beards."""

import numpy as np
from numpy.random import Generator

from portraits.canvas import Canvas, Mask, Points, curve, ellipse, stroke
from portraits.exact import cosine, length, sine
from portraits.head import TOP, Head
from portraits.people import Face, Setting

_STRANDS = 36
# Points of a strand out of the 22 from one end of the hair to the other.
_PIECE = 10


def paint_back_hair(
    canvas: Canvas, head: Head, face: Face, setting: Setting, colour: np.ndarray, rng: Generator
) -> None:
    """Hair that lies behind the neck and the shoulders."""
    volume = 0.14 + 0.14 * face.hair_volume + 0.10 * setting.hair_wave
    if face.hair == "tied":
        bun = ellipse(0, TOP - 0.10 - 0.08 * face.hair_volume, 0.34, 0.30)
        canvas.fill(head.project(_wavy(bun, setting, rng), -0.3), colour * 0.72, 1, 0.5)
        canvas.fill(
            head.project(ellipse(-0.06, TOP - 0.2, 0.16, 0.12), -0.3),
            np.minimum(colour * 1.1 + 14, 255), 0.5, 3,
        )  # fmt: skip
        return
    if face.hair not in ("long", "bob"):
        return
    end = 1.95 if face.hair == "long" else 0.92
    w = head.width + volume
    side = [(w * 0.62, TOP - 0.06), (w, -0.7), (w + 0.05, -0.1), (w + 0.08, 0.5),
            (w + 0.10, min(end, 0.95)), (w * 0.95, end)]  # fmt: skip
    loop = curve(
        [(0, TOP - volume * 0.8), *side, (0, end), *[(-x, y) for x, y in side[::-1]]],
        6, closed=True,
    )  # fmt: skip
    shape = head.project(_wavy(loop, setting, rng), -0.3)
    canvas.fill(shape, colour * 0.62, 1, 0.5)
    within = canvas.mask(shape)
    x, bend, y = (
        np.linspace(-w, w, 26)[:, None],
        rng.normal(size=(26, 1)) * 0.05,
        np.linspace(0, 1, 9),
    )
    lines = np.stack(
        [x * (1 + 0.03 * y) + bend * sine(2 * np.pi * y), (end + 0.3) * y - 0.3 + 0 * x], axis=2
    )
    locks = stroke(head.project(lines, -0.3), head.pixels(0.05))
    canvas.fill(locks[::2], colour * 0.42, 0.55, 0.7, within)
    canvas.fill(locks[1::2], np.minimum(colour * 0.95 + 6, 255), 0.5, 0.8, within)


def paint_hair(
    canvas: Canvas,
    head: Head,
    face: Face,
    setting: Setting,
    colour: np.ndarray,
    inside: Mask,
    rng: Generator,
) -> None:
    """Hair on top of the head and beside the face."""
    if face.hair == "fuzz":
        _paint_fuzz(canvas, head, face, colour, rng)
        return
    volume = 0.06 + 0.12 * face.hair_volume + 0.12 * setting.hair_wave
    outer, inner = _contours(head, face, volume, rng)
    if face.hair == "horseshoe":
        patches = []
        for side in (-1, 1):
            patch = np.array([(head.width + 0.02, 0.16), (head.width + 0.10, -0.15),
                              (head.width + 0.09, -0.5), (head.width - 0.06, -0.82),
                              (head.width - 0.13, -0.62), (head.width - 0.09, -0.3),
                              (head.width - 0.07, -0.05)]) * (side, 1)  # fmt: skip
            patches.append(_wavy(curve(patch, 5, closed=True), setting, rng))
        shapes = head.project(np.stack(patches), 0.02)
        crown = curve([(-0.62, -0.92), (-0.3, TOP + 0.03), (0.3, TOP + 0.03), (0.62, -0.92),
                       (0.3, TOP - 0.05), (-0.3, TOP - 0.05)], 5, closed=True)  # fmt: skip
        canvas.fill(head.project(crown, 0.0), colour, 0.35 * (1 - 0.6 * face.thinning), 1.8)
        opacity = 0.92
    else:
        ring = np.concatenate([_wavy(outer, setting, rng), inner[::-1]])
        shapes = _project_ring(head, ring, len(outer))
        opacity = 0.97 - 0.35 * min(face.thinning, 1) * face.recession
    canvas.fill(shapes + (0, head.pixels(0.07)), (40, 20, 14), 0.33, head.pixels(0.045), inside)
    canvas.fill(shapes, colour * 0.80, opacity, 0.7)
    within = canvas.mask(shapes, 0.5)
    _paint_strands(canvas, head, face, setting, colour, within, outer, inner, rng)
    _paint_sheen(canvas, head, setting, colour, within)


def _contours(head: Head, face: Face, volume: float, rng: Generator) -> tuple[Points, Points]:
    """The outer edge of the hair and the hairline, each from left to right, (n, 2)."""
    w = head.width
    end = {"long": 1.55, "bob": 0.84}.get(face.hair, 0.12)
    out = w + volume
    side = [(out * 0.55, TOP - volume * 0.9 + 0.07), (out * 0.9, -0.86), (out + 0.01, -0.4)]
    if face.hair in ("long", "bob"):
        side += [(out + 0.05, 0.15), (out + 0.07, 0.6 * end + 0.2), (out - 0.02, end)]
    else:
        side += [(w + 0.6 * volume, -0.1), (w + 0.03, end)]
    outer = curve([*[(-x, y) for x, y in side[::-1]], (0, TOP - volume), *side], 6)
    high = -0.80 - 0.17 * face.recession + 0.05 * (1 - face.skull_growth)
    temple = high + 0.05 - 0.26 * face.recession
    if face.hair in ("long", "bob"):
        inner_w = w - 0.10
        locks = [(inner_w - 0.02, -0.45), (inner_w + 0.01, 0.0), (inner_w + 0.02, 0.45),
                 (inner_w + 0.03, 0.5 * end + 0.28), (inner_w + 0.02, end)]  # fmt: skip
        part = rng.uniform(-0.4, 0.4)
        line = [(-0.52, high + 0.20), (part, high - 0.10), (0.52, high + 0.20)]
    else:
        locks = [(0.80 * w, -0.52), (w - 0.07, -0.25), (w - 0.05, end - 0.02)]
        line = [(-0.50, temple + 0.06), (-0.26, high + 0.03), (0, high), (0.26, high + 0.03),
                (0.50, temple + 0.06)]  # fmt: skip
    if face.hair == "fringe" or (face.hair == "bob" and face.hair_volume > 0.45):
        low = head.eye_y - 0.40
        jag = rng.normal(size=7) * 0.025
        line = [(x, low - 0.10 * x * x + j)
                for x, j in zip(np.linspace(-0.55, 0.55, 7), jag, strict=True)]  # fmt: skip
    elif face.hair == "tied":
        line = [(-0.48, high + 0.13), (0, high - 0.02), (0.48, high + 0.13)]
    inner = curve([*[(-x, y) for x, y in locks[::-1]], *line, *locks], 6)
    return outer, inner


def _project_ring(head: Head, ring: Points, outer: int) -> Points:
    """The outer edge is the silhouette; the hairline lies on the front of the head."""
    edge = head.project(ring[:outer], 0.0)
    line = head.place(ring[outer:], 0.02)
    return np.concatenate([edge, line])


def _paint_strands(
    canvas: Canvas,
    head: Head,
    face: Face,
    setting: Setting,
    colour: np.ndarray,
    within: Mask,
    outer: Points,
    inner: Points,
    rng: Generator,
) -> None:
    t = np.linspace(0, 1, 22)
    edge = np.stack([np.interp(t, np.linspace(0, 1, len(outer)), c) for c in outer.T], axis=1)
    line = np.stack([np.interp(t, np.linspace(0, 1, len(inner)), c) for c in inner.T], axis=1)
    share = ((np.arange(_STRANDS) + rng.random(_STRANDS)) / _STRANDS)[:, None]
    phase = rng.uniform(0, 6, (_STRANDS, 1))
    across = share * (1 + setting.hair_wave * 0.05 * sine(t * 40 + phase))
    paths = head.project(edge + across[..., None] * (line - edge), 0.45 * share + 0 * t)
    pieces = rng.integers(0, len(t) - _PIECE, (_STRANDS, 1)) + np.arange(_PIECE)
    locks = stroke(paths[np.arange(_STRANDS)[:, None], pieces], head.pixels(0.026))
    grey = np.array([216, 214, 212])
    bright = np.minimum(colour * 1.22 + 12, 255)
    bright = bright + min(1.0, 4 * face.grey * (1 - face.grey)) * 0.5 * (grey - bright)
    canvas.fill(locks[::2], colour * 0.48, 0.6, 0.4, within)
    canvas.fill(locks[1::2], bright, 0.6, 0.4, within)


def _paint_sheen(
    canvas: Canvas, head: Head, setting: Setting, colour: np.ndarray, within: Mask
) -> None:
    side = sine(setting.light_from)
    glow = head.project(ellipse(0.45 * side, TOP + 0.12, 0.42, 0.16, 0.5 * side), 0.2)
    canvas.fill(glow, np.minimum(colour * 1.3 + 42, 255), 0.42, head.pixels(0.10), within)
    shade = head.project(ellipse(-0.9 * side, -0.3, 0.35, 0.8), 0.0)
    canvas.fill(shade, colour * 0.4, 0.42 * abs(side), head.pixels(0.14), within)


def _paint_fuzz(canvas: Canvas, head: Head, face: Face, colour: np.ndarray, rng: Generator) -> None:
    cap = curve(
        [(-head.width + 0.02, -0.42), (-0.55, -0.80), (0, -0.90 - 0.1 * face.hair_volume),
         (0.55, -0.80), (head.width - 0.02, -0.42), (0.90 * head.width, -0.85),
         (0.5 * head.width, TOP + 0.06), (0, TOP - 0.03), (-0.5 * head.width, TOP + 0.06),
         (-0.90 * head.width, -0.85)], 5, closed=True,
    )  # fmt: skip
    shape = head.project(cap, 0.05)
    canvas.fill(shape, colour, 0.18 + 0.40 * face.hair_volume, head.pixels(0.06))
    angle = rng.uniform(-1.25, 1.25, (60, 1)) + np.linspace(0, 0.25, 5)
    radius = rng.uniform(0.82, 0.99, (60, 1))
    lines = np.stack(
        [radius * head.width * sine(angle), -0.32 - radius * 0.87 * cosine(angle)], axis=2
    )
    wisps = stroke(head.project(lines, 0.15), 1.0)
    canvas.fill(wisps, colour * 0.8, 0.15 + 0.3 * face.hair_volume, 0.5)


def paint_beard(
    canvas: Canvas, head: Head, face: Face, colour: np.ndarray, inside: Mask, rng: Generator
) -> None:
    """A beard, a moustache or stubble."""
    if face.beard == "none":
        return
    dense = face.beard_density
    tone = colour * 0.78
    mouth, w = head.mouth_y, head.mouth_width
    moustache = curve(
        [(0, head.nose_y + 0.075), (w * 0.7, head.nose_y + 0.11), (w + 0.07, mouth - 0.01),
         (w + 0.03, mouth + 0.05), (w * 0.6, mouth - 0.055), (0, mouth - 0.065),
         (-w * 0.6, mouth - 0.055), (-w - 0.03, mouth + 0.05), (-w - 0.07, mouth - 0.01),
         (-w * 0.7, head.nose_y + 0.11)], 5, closed=True,
    )  # fmt: skip
    outer = [(head.width - 0.04, 0.08), (0.95 * head.jaw + 0.08, 0.50), (head.jaw, 0.76),
             (0.36, head.chin_y + 0.02)]  # fmt: skip
    inner = [(w + 0.04, mouth + 0.11), (w + 0.12, mouth - 0.02), (0.58, 0.42),
             (head.width - 0.14, 0.08)]  # fmt: skip
    band = curve([*[(-x, y) for x, y in inner[::-1]], (0, mouth + 0.17), *inner], 5)
    rim = curve([*outer, (0, head.chin_y + 0.06), *[(-x, y) for x, y in outer[::-1]]], 5)
    beard = np.concatenate([rim, band])
    shapes = [head.place(moustache, 0.05)]
    if face.beard != "moustache":
        shapes.append(head.place(beard, 0.02))
    if face.beard == "stubble":
        for shape in shapes:
            canvas.fill(shape, colour * 0.7, 0.30 + 0.2 * dense, head.pixels(0.05), inside)
        return
    within = np.maximum.reduce([canvas.mask(shape, head.pixels(0.022)) for shape in shapes])
    canvas.tint(within, tone, 0.92 * dense)
    roots = rng.uniform((-0.75, head.nose_y), (0.75, head.chin_y + 0.05), (70, 2))
    tips = roots * (1.06, 1) + np.stack([np.zeros(70), rng.uniform(0.06, 0.14, 70)], axis=1)
    lines = np.stack([roots, (roots + tips) / 2 + (0.004, 0), tips], axis=1)
    hairs = stroke(head.place(lines, 0.03), head.pixels(0.018))
    canvas.fill(hairs[::2], colour * 0.45, 0.5, 0.3, within)
    canvas.fill(hairs[1::2], np.minimum(colour * 1.25 + 14, 255), 0.45, 0.3, within)


def _wavy(loop: Points, setting: Setting, rng: Generator) -> Points:
    """The same outline, with the bumps of wavy or curly hair."""
    steps = np.arange(len(loop))
    bumps = 0.012 + 0.035 * setting.hair_wave
    along = np.gradient(loop, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.maximum(length(normal[:, 0], normal[:, 1])[:, None], 1e-9)
    phase = rng.uniform(0, 2 * np.pi, 2)
    wave = sine(steps * 0.9 + phase[0]) + 0.7 * sine(steps * 1.7 + phase[1])
    return np.asarray(loop + bumps * wave[:, None] * normal)
