"""Decoding of photos: whatever comes in is an upright RGB image, or is rejected with a reason."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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
# What transparent pixels are laid on.
BACKGROUND = (255, 255, 255, 255)
# A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves at least this many times the pixels
# a side that are needed: by Pillow's documentation hardly different from resizing the whole.
DRAFT_GAP = 3


class RejectedImageError(Exception):
    """An image that cannot be used; the message is the reason."""


def decode(content: bytes, size: int) -> Image.Image:
    """The first frame of the image file ``content``, RGB, upright by its EXIF orientation.

    Transparency is laid on white. Sixteen bits a channel become the upper eight. Colour profiles
    are ignored.

    Args:
        content: the bytes of the file.
        size: pixels a side that are needed; a JPEG several times larger is decoded smaller.

    Raises:
        RejectedImageError: it is empty, no image, damaged, too small or too large; the last is
            known before any pixel is decoded.
    """
    with _rejecting(content):
        return _load(_open(content), size)


def square(content: bytes, size: int) -> bytes:
    """RGB bytes, row by row, of `fit` of what `decode` makes of the image file ``content``.

    Args:
        content: the bytes of the file.
        size: pixels a side.

    Raises:
        RejectedImageError: as `decode`.
    """
    with _rejecting(content):
        image = _open(content)
        whole = image.size == (size, size) and "exif" not in image.info
        if whole and image.format == "JPEG" and image.mode == "RGB":
            # A photo prepared by someone, as in UTKFace's archives. simplejpeg decodes it by
            # libjpeg-turbo as Pillow does, to the same bytes, with less overhead.
            with suppress(ValueError, RuntimeError):
                pixels: np.ndarray = simplejpeg.decode_jpeg(content, "RGB", strict=True)
                return pixels.tobytes()
            # Damaged, or of a kind that simplejpeg does not take: Pillow is the judge.
        return fit(_load(image, size), size).tobytes()


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


def _load(image: Image.Image, size: int) -> Image.Image:
    needed = DRAFT_GAP * size
    # Below that the gain is a few microseconds per photo.
    if min(image.size) >= 2 * needed:
        image.draft(None, (needed, needed))
    image.load()
    if "exif" in image.info:
        # Corrupt EXIF data say nothing about the picture.
        with suppress(Exception):
            image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int32)
        image = Image.fromarray((np.clip(wide, 0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def fit(image: Image.Image, size: int) -> Image.Image:
    """The largest centred square of ``image``, brought to ``size`` pixels a side.

    A crop keeps the proportions of a face, which a squeezed picture would not. Resizing is
    antialiased (Lanczos); an image of the right size comes back untouched.
    """
    if image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), method=Image.Resampling.LANCZOS)
