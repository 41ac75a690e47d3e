"""Photos with what a model says of each face drawn on them."""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from agegender.evaluation.scores import THRESHOLD
from agegender.photos.labels import GENDERS
from agegender.prediction.predictor import PhotoResult, Prediction
from agegender.preparation import images

# Of the photo's longer side: the height of letters, at least and at most; in pixels: the least.
_SMALLEST, _LARGEST, _LEGIBLE = 1 / 60, 1 / 24, 11
# Pixels of the longer side at least, so that labels on small photos can be read.
_LEAST = 480
# Okabe and Ito's yellow and black: legible on light and dark.
_COLOR, _INK = (240, 228, 66), (0, 0, 0)


def draw(result: PhotoResult) -> Image.Image:
    """The photo with a box around each face and a label at it."""
    assert result.photo is not None, "only of photos that could be read"
    scale = math.ceil(_LEAST / max(result.photo.size))
    size = result.photo.width * scale, result.photo.height * scale
    picture = result.photo.resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for face in result.faces:
        x, y, width, height = (scale * each for each in face.box or (0, 0, *result.photo.size))
        _draw_face(pen, size, (x, y, width, height), describe(face))
    return picture


def describe(face: Prediction) -> str:
    """A face in a few words: ``female 93 %, 31 (24-40)``."""
    words = []
    if face.gender is not None:
        female = face.gender >= THRESHOLD
        share = face.gender if female else 1 - face.gender
        words.append(f"{GENDERS[female]} {share:.0%}".replace("%", " %"))
    if face.age is not None:
        words.append(f"{face.age:.0f}")
    if face.age_low is not None and face.age_high is not None:
        words[-1] += f" ({face.age_low:.0f}-{face.age_high:.0f})"
    return ", ".join(words)


def _draw_face(
    pen: ImageDraw.ImageDraw, size: tuple[int, int], place: tuple[int, ...], text: str
) -> None:
    x, y, width, height = place
    longer = max(size)
    letters = max(_LEGIBLE, min(max(width / 9, longer * _SMALLEST), longer * _LARGEST))
    line = max(1, round(letters / 8))
    box = (x, y, x + width, y + height)
    pen.rectangle(
        [each + by for each, by in zip(box, (-line, -line, line, line), strict=True)],
        outline=_INK,
        width=line,
    )
    pen.rectangle(box, outline=_COLOR, width=line)
    font = ImageFont.load_default(letters)
    if width < 9 * letters:
        text = text.replace(", ", "\n")
    left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font=font)
    margin = letters / 3
    wide, high = right - left + 2 * margin, bottom - top + 2 * margin
    # Above the face if there is room, else below, and inside the picture in any case.
    above = y - high
    label_y = above if above >= 0 else min(y + height, size[1] - high)
    label_x = min(max(x, 0), max(0, size[0] - wide))
    label_y = max(0, label_y)
    pen.rectangle((label_x, label_y, label_x + wide, label_y + high), fill=_COLOR)
    pen.multiline_text(
        (label_x + margin - left, label_y + margin - top), text, font=font, fill=_INK
    )


def save(picture: Image.Image, folder: Path, name: str) -> None:
    """Write ``picture`` into ``folder``, in the format that ``name`` says, and never over a file.

    Where there is one of that name, this one gets a number.
    """
    given = folder / name
    number, path = 1, given
    while path.exists():
        number += 1
        path = given.with_name(f"{given.stem}-{number}{given.suffix}")
    kind = given.suffix[1:].upper()
    picture.save(path, kind if kind in images.FORMATS else "JPEG", quality=95)
