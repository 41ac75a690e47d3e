"""Decoding of photos: whatever comes in is upright RGB pixels, or is refused with a reason."""

import io
import warnings
from contextlib import suppress

import numpy as np
import simplejpeg
from PIL import Image, ImageOps, UnidentifiedImageError

# What cameras, phones and the web produce. The content counts, not the extension; formats that
# are not named here are never opened.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# A decoded pixel takes 4 bytes, so this bounds a process's memory; phones take up to 50 million.
MAX_PIXELS = 50_000_000
# Below this no face can be seen.
MIN_SIDE = 16
# Behind transparent pixels.
BACKGROUND = (255, 255, 255, 255)
# A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves so many times the pixels a side that are
# needed: by Pillow's documentation hardly to be told from resizing the whole.
DRAFT_GAP = 3


class RefusedImageError(Exception):
    """An image that cannot be used; the message is the reason."""


def decode(content: bytes, size: int) -> np.ndarray:
    """The first frame of the image file ``content``, upright by its EXIF orientation.

    Transparency is laid on white. Sixteen bits a channel become the upper eight. Colour profiles
    are ignored.

    Args:
        content: the bytes of the file.
        size: pixels a side that are needed; a JPEG several times larger comes out smaller.

    Returns:
        RGB pixels, uint8, shape (height, width, 3).

    Raises:
        RefusedImageError: it is empty, no image, damaged, too small or too large; the last is
            known before any pixel is decoded.
    """
    if not content:
        raise RefusedImageError("the file is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _decode(content, size)
        except (RefusedImageError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise RefusedImageError(f"not an image ({', '.join(FORMATS)})") from None
        except Image.DecompressionBombError:
            raise RefusedImageError(f"more than {MAX_PIXELS:,} pixels") from None
        except Exception:
            # Pillow's decoders raise nearly anything on damaged files (OSError, SyntaxError,
            # ValueError, struct.error, IndexError, ...).
            raise RefusedImageError("the image is truncated or damaged") from None


def _decode(content: bytes, size: int) -> np.ndarray:
    image: Image.Image = Image.open(io.BytesIO(content), formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise RefusedImageError(f"{width}x{height}: more than {MAX_PIXELS:,} pixels")
    if min(width, height) < MIN_SIDE:
        raise RefusedImageError(f"{width}x{height}: less than {MIN_SIDE} pixels a side")
    needed = DRAFT_GAP * size
    if min(width, height) >= 2 * needed:
        image.draft(None, (needed, needed))
    elif image.format == "JPEG" and image.mode == "RGB" and "exif" not in image.info:
        # The usual photo. libjpeg-turbo, which Pillow calls too, gives the same pixels here in
        # less than half the time.
        with suppress(ValueError):
            return simplejpeg.decode_jpeg(content, "RGB")
        # Damaged in some way. What can still be read, Pillow decides as for all other photos.
    image.load()
    if "exif" in image.info:
        # Spoilt EXIF data say nothing about the picture.
        with suppress(Exception):
            image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int32)
        image = Image.fromarray((np.clip(wide, 0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def fit(pixels: np.ndarray, size: int) -> np.ndarray:
    """The largest centred square of an image, brought to ``size`` pixels a side.

    A crop keeps the proportions of a face, which a squeezed picture would not. Resizing is
    antialiased (Lanczos); an image of the right size comes back untouched.

    Args:
        pixels: RGB, uint8, shape (height, width, 3).
        size: of the result, which has the shape (size, size, 3).
    """
    if pixels.shape[:2] == (size, size):
        return pixels
    image = Image.fromarray(pixels)
    return np.asarray(ImageOps.fit(image, (size, size), method=Image.Resampling.LANCZOS))
