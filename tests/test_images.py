import io
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from agegender.preparation.images import MAX_PIXELS, RefusedImageError, decode, fit, square


def gradient(width: int = 48, height: int = 48) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=-1).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(content: bytes, size: int = 128) -> np.ndarray:
    image = decode(content, size)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def refusal(content: bytes) -> str:
    with pytest.raises(RefusedImageError) as caught:
        decode(content, 128)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 12),
        ("JPEG", {"quality": 95, "progressive": True}, 12),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("GIF", {}, 40),
        ("BMP", {}, 0),
    ],
)
def test_formats_are_known_by_their_content(kind: str, options: dict, tolerance: int) -> None:
    image = gradient()
    found = pixels(encoded(image, kind, **options))
    assert found.shape == (48, 48, 3)
    assert np.abs(found - np.asarray(image)).max() <= tolerance


@pytest.mark.parametrize(
    "options",
    [
        *({"subsampling": subsampling} for subsampling in ("4:4:4", "4:2:2", "4:2:0", "4:1:1")),
        {"progressive": True},
        {"keep_rgb": True},
        {"restart_marker_blocks": 3},
        {"comment": b"a comment"},
    ],
)
def test_a_jpeg_of_the_right_size_has_the_pixels_that_pillow_gives(
    options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((125, 125), Image.Resampling.BICUBIC)
    for quality in (30, 75, 98):
        content = encoded(image, "JPEG", quality=quality, **options)
        expected = decode(content, 125).tobytes()
        # Without Pillow's decoder there is no other way than simplejpeg.
        with monkeypatch.context() as without:
            if options != {"subsampling": "4:1:1"}:
                without.setattr(ImageFile.ImageFile, "load", None)
            assert square(content, 125) == expected


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_jpegs_of_the_right_size_are_pillows(mode: str) -> None:
    content = encoded(gradient().convert(mode), "JPEG")
    assert square(content, 48) == decode(content, 48).tobytes()


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_square_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(gradient(), "JPEG", exif=exif.tobytes())
    assert square(content, 48) == decode(content, 48).tobytes()


def test_a_photo_of_another_size_is_brought_to_the_right_one() -> None:
    content = encoded(gradient(200, 180), "JPEG")
    assert square(content, 64) == fit(decode(content, 64), 64).tobytes()


def test_a_damaged_jpeg_is_judged_by_pillow() -> None:
    rng = np.random.default_rng(5)
    coarse = Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    content = encoded(coarse.resize((64, 64), Image.Resampling.BICUBIC), "JPEG")
    scan = content.index(b"\xff\xda") + 14
    judged = set()
    spoilt = [content[:-2], content + b"garbage", content[: len(content) // 2]]
    for place in rng.integers(scan, len(content), 60):
        spoilt.append(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
    for each in spoilt:
        try:
            expected = decode(each, 64)
        except RefusedImageError:
            judged.add("refused")
            with pytest.raises(RefusedImageError, match="damaged"):
                square(each, 64)
        else:
            judged.add("read")
            assert square(each, 64) == expected.tobytes()
    assert judged == {"refused", "read"}


def test_what_simplejpeg_cannot_do_pillow_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no decoder")

    content = encoded(gradient(), "JPEG")
    expected = square(content, 48)
    monkeypatch.setattr(simplejpeg, "decode_jpeg", fail)
    assert square(content, 48) == expected


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "ICO", "TGA", "EPS", "PDF"])
def test_other_formats_are_not_opened(kind: str) -> None:
    assert "not an image" in refusal(encoded(gradient(), kind))


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grayscale_and_palettes(mode: str) -> None:
    image = gradient().convert(mode)
    assert (pixels(encoded(image)) == np.asarray(image.convert("RGB"))).all()


def test_cmyk() -> None:
    image = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    red, green, blue = pixels(encoded(image, "JPEG"))[16, 16]
    assert red > 240 and green < 15 and blue < 15


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    found = pixels(encoded(Image.fromarray(values)))
    assert (found == (values >> 8)[..., None]).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 16, 32))
    image.paste((0, 0, 0, 128), (0, 0, 16, 16))
    found = pixels(encoded(image.convert(mode)))
    assert found[24, 8].tolist() == [0, 0, 0]
    assert found[24, 24].tolist() == [255, 255, 255]
    assert found[8, 8].tolist() == pytest.approx([127, 127, 127], abs=1)


def test_a_transparent_palette_colour_is_laid_on_white() -> None:
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 0, 200, 10, 10])
    image.paste(0, (0, 0, 16, 32))
    found = pixels(encoded(image, "GIF", transparency=0))
    assert found[5, 5].tolist() == [255, 255, 255]
    assert found[5, 25].tolist() == [200, 10, 10]


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        red, _, blue = pixels(content)[16, 16]
        assert red > 240 and blue < 15, kind


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    upright = gradient(48, 32)
    # The transposition that undoes each orientation's own.
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = upright.transpose(stored[orientation]) if orientation in stored else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = pixels(encoded(image, kind, exif=exif.tobytes(), quality=95))
    assert found.shape == (32, 48, 3)
    assert np.abs(found - np.asarray(upright)).mean() < 8


def test_spoilt_exif_data_spoil_nothing() -> None:
    content = encoded(gradient(), "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 40)
    assert pixels(content).shape == (48, 48, 3)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "empty"),
        (b"\0" * 5000, "not an image"),
        (b"<!DOCTYPE html><html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not an image"),
        (b"\xff\xd8\xff\xe0", "not an image"),
    ],
)
def test_no_image(content: bytes, part: str) -> None:
    assert part in refusal(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated(kind: str, share: float) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    assert "truncated" in refusal(content[: int(len(content) * share)])


def test_too_small() -> None:
    assert refusal(encoded(Image.new("RGB", (1, 1)))).startswith("1x1: less than 16")


def declared(width: int, height: int) -> dict[str, bytes]:
    """Files of a few bytes that claim to be so large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    jpeg = bytearray(encoded(gradient(), "JPEG"))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = struct.pack(">HH", height, width)
    gif = bytearray(encoded(gradient(), "GIF"))
    gif[6:10] = struct.pack("<HH", width, height)
    bmp = bytearray(encoded(gradient(), "BMP"))
    bmp[18:26] = struct.pack("<ii", width, height)
    zeros = zlib.compress(bytes(10**6), 9)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zeros)
    return {"JPEG": bytes(jpeg), "PNG": png, "GIF": bytes(gif), "BMP": bytes(bmp)}


@pytest.mark.parametrize("side", [8_000, 30_000])
def test_too_large_is_refused_before_any_pixel_is_decoded(side: int) -> None:
    for kind, content in declared(side, side).items():
        tracemalloc.start()
        reason = refusal(content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert f"more than {MAX_PIXELS:,} pixels" in reason, kind
        assert peak < 10**7


def test_nothing_is_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = gradient().convert("P")
        decode(encoded(image, transparency=bytes(range(256))), 128)
        refusal(declared(12_000, 12_000)["PNG"])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP"]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 10**6),
)
def test_damage_is_refused_or_gives_an_image(
    kind: str, changes: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(encoded(gradient(), kind))
    for place, value in changes:
        content[place % min(len(content), 600)] = value
    try:
        image = decode(bytes(content[: length % (2 * len(content))]), 128)
    except RefusedImageError as error:
        assert str(error) and "0x" not in str(error)
    else:
        assert image.mode == "RGB" and min(image.size) >= 16


def test_an_image_of_the_right_size_passes_untouched() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    assert (np.asarray(fit(Image.fromarray(noise), 128)) == noise).all()


def test_resizing_is_antialiased() -> None:
    # A checkerboard of single pixels is even gray from afar; without antialiasing it is not.
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = Image.fromarray(np.stack([board] * 3, axis=-1))
    found = np.asarray(fit(image, 100)).astype(int)
    assert np.abs(found[4:-4, 4:-4] - 127).max() < 8


@pytest.mark.parametrize("size", [(300, 200), (200, 300)])
def test_the_middle_square_of_an_oblong_is_kept(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "red")
    width, height = size
    side = min(size)
    left, top = (width - side) // 2, (height - side) // 2
    image.paste("blue", (left, top, left + side, top + side))
    found = np.asarray(fit(image, 64)).astype(int)
    assert found.shape == (64, 64, 3)
    assert (found[4:-4, 4:-4] == (0, 0, 255)).all()


def test_a_large_jpeg_decoded_small_looks_like_the_whole() -> None:
    rng = np.random.default_rng(2)
    coarse = Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    image = coarse.resize((2000, 2000), Image.Resampling.BICUBIC)
    content = encoded(image, "JPEG", quality=95, subsampling=0)
    small = decode(content, 128)
    assert max(small.size) < 2000
    whole = fit(Image.open(io.BytesIO(content)).convert("RGB"), 128)
    difference = np.asarray(fit(small, 128)).astype(int) - np.asarray(whole)
    assert np.abs(difference).mean() < 1
