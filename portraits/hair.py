"""Hair and beards."""

import numpy as np

from portraits.canvas import Mask, Points, coverage, curve, ellipse, fill, mirrored, stroke, tint
from portraits.exact import cosine, length, sine
from portraits.head import TOP
from portraits.painter import Painter

_STRANDS = 36
# Points of a strand out of the 22 from one end of the hair to the other.
_PIECE = 10


def paint_back_hair(painter: Painter) -> None:
    """Hair that lies behind the neck and the shoulders."""
    face, colour, rng = painter.face, painter.hair, painter.rng
    if face.hair == "tied":
        bun = ellipse(0, TOP - 0.10 - 0.08 * face.hair_volume, 0.34, 0.30)
        painter.paint(_wavy(painter, bun), colour * 0.72, 1, 0.5, z=-0.3)
        sheen = ellipse(-0.06, TOP - 0.2, 0.16, 0.12)
        painter.paint(sheen, np.minimum(colour * 1.1 + 14, 255), 0.5, 3, z=-0.3)
    if face.hair not in ("long", "bob"):
        return
    volume = 0.14 + 0.14 * face.hair_volume + 0.10 * painter.setting.hair_wave
    end = 1.95 if face.hair == "long" else 0.92
    w = painter.head.width + volume
    side = [(w * 0.62, TOP - 0.06), (w, -0.7), (w + 0.05, -0.1), (w + 0.08, 0.5),
            (w + 0.10, min(end, 0.95)), (w * 0.95, end)]  # fmt: skip
    loop = [(0, TOP - volume * 0.8), *side, (0, end), *mirrored(side)]
    shape = _wavy(painter, curve(loop, closed=True))
    painter.paint(shape, colour * 0.62, 1, 0.5, z=-0.3)
    within = coverage(painter.head.project(shape, -0.3))
    x, bend = np.linspace(-w, w, 26)[:, None], rng.normal(size=(26, 1)) * 0.05
    y = np.linspace(0, 1, 9)
    locks = np.stack(
        [x * (1 + 0.03 * y) + bend * sine(2 * np.pi * y), (end + 0.3) * y - 0.3 + 0 * x], axis=2
    )
    painter.paint(locks[::2], colour * 0.42, 0.55, 0.7, within, width=0.05, z=-0.3)
    bright = np.minimum(colour * 0.95 + 6, 255)
    painter.paint(locks[1::2], bright, 0.5, 0.8, within, width=0.05, z=-0.3)


def paint_hair(painter: Painter) -> None:
    """Hair on top of the head and beside the face."""
    head, face, pixels, colour = painter.head, painter.face, painter.pixels, painter.hair
    if face.hair == "fuzz":
        _paint_fuzz(painter)
        return
    outer, inner = _contours(painter)
    if face.hair == "horseshoe":
        w = head.width
        patch = np.array(
            [(w + 0.02, 0.16), (w + 0.10, -0.15), (w + 0.09, -0.5), (w - 0.06, -0.82),
             (w - 0.13, -0.62), (w - 0.09, -0.3), (w - 0.07, -0.05)]
        )  # fmt: skip
        patches = [_wavy(painter, curve(patch * (side, 1), 5, closed=True)) for side in (-1, 1)]
        shapes = head.project(np.stack(patches), 0.02)
        crown = curve([(-0.62, -0.92), (-0.3, TOP + 0.03), (0.3, TOP + 0.03), (0.62, -0.92),
                       (0.3, TOP - 0.05), (-0.3, TOP - 0.05)], 5, closed=True)  # fmt: skip
        painter.paint(crown, colour, 0.35 * (1 - 0.6 * face.thinning), 1.8, z=0.0)
        opacity = 0.92
    else:
        # The outer edge is the silhouette; the hairline lies on the front of the head.
        edge = head.project(_wavy(painter, outer), 0.0)
        shapes = np.concatenate([edge, head.place(inner[::-1], 0.02)])
        opacity = 0.97 - 0.35 * min(face.thinning, 1) * face.recession
    shadow = shapes + (0, head.pixels(0.07))
    fill(pixels, shadow, (40, 20, 14), 0.33, head.pixels(0.045), painter.inside)
    fill(pixels, shapes, colour * 0.80, opacity, 0.7)
    within = coverage(shapes, 0.5)
    _paint_strands(painter, within, outer, inner)
    _paint_sheen(painter, within)


def _contours(painter: Painter) -> tuple[Points, Points]:
    """The outer edge of the hair and the hairline, each from left to right, (n, 2)."""
    face, rng, w = painter.face, painter.rng, painter.head.width
    volume = 0.06 + 0.12 * face.hair_volume + 0.12 * painter.setting.hair_wave
    end = {"long": 1.55, "bob": 0.84}.get(face.hair, 0.12)
    out = w + volume
    side = [(out * 0.55, TOP - volume * 0.9 + 0.07), (out * 0.9, -0.86), (out + 0.01, -0.4)]
    high = -0.80 - 0.17 * face.recession + 0.05 * (1 - face.skull_growth)
    if face.hair in ("long", "bob"):
        side += [(out + 0.05, 0.15), (out + 0.07, 0.6 * end + 0.2), (out - 0.02, end)]
        inner_w = w - 0.10
        locks = [(inner_w - 0.02, -0.45), (inner_w + 0.01, 0.0), (inner_w + 0.02, 0.45),
                 (inner_w + 0.03, 0.5 * end + 0.28), (inner_w + 0.02, end)]  # fmt: skip
        part = rng.uniform(-0.4, 0.4)
        line = [(-0.52, high + 0.20), (part, high - 0.10), (0.52, high + 0.20)]
    else:
        side += [(w + 0.6 * volume, -0.1), (w + 0.03, end)]
        locks = [(0.80 * w, -0.52), (w - 0.07, -0.25), (w - 0.05, end - 0.02)]
        temple = high + 0.05 - 0.26 * face.recession
        temples = [(0.26, high + 0.03), (0.50, temple + 0.06)]
        line = [*mirrored(temples), (0, high), *temples]
    if face.hair == "fringe" or (face.hair == "bob" and face.hair_volume > 0.45):
        x, jag = np.linspace(-0.55, 0.55, 7), rng.normal(size=7) * 0.025
        low = painter.head.eye_y - 0.40
        line = list(zip(x, low - 0.10 * x * x + jag, strict=True))
    elif face.hair == "tied":
        line = [(-0.48, high + 0.13), (0, high - 0.02), (0.48, high + 0.13)]
    outer = curve([*mirrored(side), (0, TOP - volume), *side])
    return outer, curve([*mirrored(locks), *line, *locks])


def _paint_strands(painter: Painter, within: Mask, outer: Points, inner: Points) -> None:
    head, colour, rng, grey = painter.head, painter.hair, painter.rng, painter.face.grey
    t = np.linspace(0, 1, 22)
    edge, line = (
        np.stack([np.interp(t, np.linspace(0, 1, len(each)), axis) for axis in each.T], axis=1)
        for each in (outer, inner)
    )
    share = ((np.arange(_STRANDS) + rng.random(_STRANDS)) / _STRANDS)[:, None]
    phase = rng.uniform(0, 6, (_STRANDS, 1))
    across = share * (1 + painter.setting.hair_wave * 0.05 * sine(t * 40 + phase))
    paths = head.project(edge + across[..., None] * (line - edge), 0.45 * share + 0 * t)
    pieces = rng.integers(0, len(t) - _PIECE, (_STRANDS, 1)) + np.arange(_PIECE)
    locks = stroke(paths[np.arange(_STRANDS)[:, None], pieces], head.pixels(0.026))
    bright = np.minimum(colour * 1.22 + 12, 255)
    bright = bright + min(1.0, 4 * grey * (1 - grey)) * 0.5 * (np.array([216, 214, 212]) - bright)
    fill(painter.pixels, locks[::2], colour * 0.48, 0.6, 0.4, within)
    fill(painter.pixels, locks[1::2], bright, 0.6, 0.4, within)


def _paint_sheen(painter: Painter, within: Mask) -> None:
    colour, pixels = painter.hair, painter.head.pixels
    side = sine(painter.setting.light_from)
    glow = ellipse(0.45 * side, TOP + 0.12, 0.42, 0.16, 0.5 * side)
    painter.paint(glow, np.minimum(colour * 1.3 + 42, 255), 0.42, pixels(0.10), within, z=0.2)
    shade = ellipse(-0.9 * side, -0.3, 0.35, 0.8)
    painter.paint(shade, colour * 0.4, 0.42 * abs(side), pixels(0.14), within, z=0.0)


def _paint_fuzz(painter: Painter) -> None:
    head, colour, volume = painter.head, painter.hair, painter.face.hair_volume
    w = head.width
    low = [(0.55, -0.80), (w - 0.02, -0.42)]
    high = [(0.90 * w, -0.85), (0.5 * w, TOP + 0.06)]
    cap = [*mirrored(low), (0, -0.90 - 0.1 * volume), *low, *high, (0, TOP - 0.03), *mirrored(high)]
    blur = head.pixels(0.06)
    painter.paint(curve(cap, 5, closed=True), colour, 0.18 + 0.40 * volume, blur, z=0.05)
    angle = painter.rng.uniform(-1.25, 1.25, (60, 1)) + np.linspace(0, 0.25, 5)
    radius = painter.rng.uniform(0.82, 0.99, (60, 1))
    lines = np.stack([radius * w * sine(angle), -0.32 - radius * 0.87 * cosine(angle)], axis=2)
    wisps = stroke(head.project(lines, 0.15), 1.0)
    fill(painter.pixels, wisps, colour * 0.8, 0.15 + 0.3 * volume, 0.5)


def paint_beard(painter: Painter) -> None:
    """A beard, a moustache or stubble."""
    face, head, pixels, colour = painter.face, painter.head, painter.pixels, painter.hair
    if face.beard == "none":
        return
    mouth, w, nose = head.mouth_y, head.mouth_width, head.nose_y
    side = [(w * 0.7, nose + 0.11), (w + 0.07, mouth - 0.01), (w + 0.03, mouth + 0.05),
            (w * 0.6, mouth - 0.055)]  # fmt: skip
    moustache = [(0, nose + 0.075), *side, (0, mouth - 0.065), *mirrored(side)]
    shapes = [head.place(curve(moustache, 5, closed=True), 0.05)]
    if face.beard != "moustache":
        outer = [(head.width - 0.04, 0.08), (0.95 * head.jaw + 0.08, 0.50), (head.jaw, 0.76),
                 (0.36, head.chin_y + 0.02)]  # fmt: skip
        inner = [(w + 0.04, mouth + 0.11), (w + 0.12, mouth - 0.02), (0.58, 0.42),
                 (head.width - 0.14, 0.08)]  # fmt: skip
        rim = curve([*outer, (0, head.chin_y + 0.06), *mirrored(outer)], 5)
        band = curve([*mirrored(inner), (0, mouth + 0.17), *inner], 5)
        shapes.append(head.place(np.concatenate([rim, band]), 0.02))
    if face.beard == "stubble":
        for shape in shapes:
            opacity = 0.30 + 0.2 * face.beard_density
            fill(pixels, shape, colour * 0.7, opacity, head.pixels(0.05), painter.inside)
        return
    within = np.maximum.reduce([coverage(shape, head.pixels(0.022)) for shape in shapes])
    tint(pixels, within, colour * 0.78, 0.92 * face.beard_density)
    roots = painter.rng.uniform((-0.75, nose), (0.75, head.chin_y + 0.05), (70, 2))
    lengths = painter.rng.uniform(0.06, 0.14, 70)
    tips = roots * (1.06, 1) + np.stack([np.zeros(70), lengths], axis=1)
    hairs = np.stack([roots, (roots + tips) / 2 + (0.004, 0), tips], axis=1)
    painter.paint(hairs[::2], colour * 0.45, 0.5, 0.3, within, 0.03, width=0.018)
    bright = np.minimum(colour * 1.25 + 14, 255)
    painter.paint(hairs[1::2], bright, 0.45, 0.3, within, 0.03, width=0.018)


def _wavy(painter: Painter, loop: Points) -> Points:
    """The same outline, with the bumps of wavy or curly hair."""
    steps = np.arange(len(loop))
    bumps = 0.012 + 0.035 * painter.setting.hair_wave
    along = np.gradient(loop, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.maximum(length(normal[:, 0], normal[:, 1])[:, None], 1e-9)
    phase = painter.rng.uniform(0, 2 * np.pi, 2)
    wave = sine(steps * 0.9 + phase[0]) + 0.7 * sine(steps * 1.7 + phase[1])
    return np.asarray(loop + bumps * wave[:, None] * normal)
