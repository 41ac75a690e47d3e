"""Decoding of photos: whatever comes in is an upright RGB image, or is rejected with a reason."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

# What cameras, phones and the web produce. The content counts, not the extension; formats that
# are not named here are never opened.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# A decoded pixel takes 4 bytes, so this bounds a process's memory; phones take up to 50 million.
MAX_PIXELS = 50_000_000
# Below this no face can be seen.
MIN_SIDE = 16
# What transparent pixels are laid on.
BACKGROUND = (255, 255, 255, 255)
# A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves at least this many times the pixels
# a side that are needed: by Pillow's documentation hardly different from resizing the whole.
DRAFT_GAP = 3
# What turns a picture upright, by its orientation (EXIF 2.32, section 4.6.4); 1 is upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_XMP_ORIENTATION = re.compile(rb"""tiff:Orientation\s*(?:=\s*["']|>)\s*([1-8])""")


class RejectedImageError(Exception):
    """An image that cannot be used; the message is the reason."""


def decode(content: bytes, size: int) -> Image.Image:
    """The first frame of the image file ``content``, RGB, upright by its orientation.

    That is read from EXIF or XMP data, wherever a format has them. Transparency is laid on white.
    Sixteen bits a channel become the upper eight. Colour profiles are ignored. A JPEG several
    times larger than the ``size`` that is needed, in pixels a side, is decoded smaller.

    Raises:
        RejectedImageError: it is empty, no image, damaged, too small or too large; the last is
            known before any pixel is decoded.
    """
    with _rejecting(content):
        return to_rgb(_open(content), size)


def square(content: bytes, size: int) -> bytes:
    """RGB bytes, row by row, of `fit` of what `decode` makes of the image file ``content``.

    Raises:
        RejectedImageError: as `decode`.
    """
    with _rejecting(content):
        image = _open(content)
        whole = image.size == (size, size) and image.format == "JPEG" and image.mode == "RGB"
        if whole and _orientation(image) == 1:
            # A photo prepared by someone, as in UTKFace's archives. simplejpeg decodes it by
            # libjpeg-turbo as Pillow does, to the same bytes, with less overhead.
            with suppress(ValueError, RuntimeError):
                pixels: np.ndarray = simplejpeg.decode_jpeg(content, "RGB", strict=True)
                return pixels.tobytes()
            # Damaged, or of a kind that simplejpeg does not take: Pillow is the judge.
        return fit(to_rgb(image, size), size).tobytes()


@contextmanager
def _rejecting(content: bytes) -> Iterator[None]:
    if not content:
        raise RejectedImageError("the file is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (RejectedImageError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise RejectedImageError(f"not an image ({', '.join(FORMATS)})") from None
        except Image.DecompressionBombError:
            raise RejectedImageError(f"more than {MAX_PIXELS:,} pixels") from None
        except Exception:
            # Pillow's decoders raise nearly anything on damaged files (OSError, SyntaxError,
            # ValueError, struct.error, IndexError, ...).
            raise RejectedImageError("the image is truncated or damaged") from None


def _open(content: bytes) -> Image.Image:
    image: Image.Image = Image.open(io.BytesIO(content), formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise RejectedImageError(f"{width}x{height}: more than {MAX_PIXELS:,} pixels")
    if min(width, height) < MIN_SIDE:
        raise RejectedImageError(f"{width}x{height}: less than {MIN_SIDE} pixels a side")
    return image


def to_rgb(image: Image.Image, size: int) -> Image.Image:
    """An opened image as `decode` returns it."""
    needed = DRAFT_GAP * size
    # Below that the gain is a few microseconds per photo.
    if min(image.size) >= 2 * needed:
        image.draft(None, (needed, needed))
    image.load()
    if (method := _UPRIGHT.get(_orientation(image))) is not None:
        image = image.transpose(method)
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int32)
        image = Image.fromarray((np.clip(wide, 0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    """1 to 8, as in EXIF's tag; 1 is upright. What is corrupt says nothing about the picture."""
    with suppress(Exception):
        found = image.getexif().get(ExifTags.Base.Orientation)
        if found in _UPRIGHT or found == 1:
            return found
    # What Pillow doesn't look into: other spellings of XMP, and the profiles that ImageMagick
    # writes into PNG's text.
    for name, value in image.info.items():
        name = str(name)
        if name in ("xmp", "XML:com.adobe.xmp") or name.startswith("Raw profile type "):
            with suppress(Exception):
                data = value.encode() if isinstance(value, str) else value
                if name.startswith("Raw"):
                    data = bytes.fromhex(value.split("\n", 3)[3])
                if match := _XMP_ORIENTATION.search(data):
                    return int(match[1])
                if data.startswith(b"Exif\0\0"):
                    exif = Image.Exif()
                    exif.load(data)
                    return exif[ExifTags.Base.Orientation]
    return 1


def fit(image: Image.Image, size: int) -> Image.Image:
    """The largest centred square of ``image``, brought to ``size`` pixels a side.

    A crop keeps the proportions of a face, which a squeezed picture would not. Resizing is
    antialiased (Lanczos); an image of the right size comes back untouched.
    """
    if image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), method=Image.Resampling.LANCZOS)
