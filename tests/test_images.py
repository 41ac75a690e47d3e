"""Whatever image comes in is upright RGB of the right size, or is rejected with a reason."""

import io
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from agegender.preparation.images import MAX_PIXELS, RejectedImageError, decode, fit, square

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


def gradient(width: int = 48, height: int = 48) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=-1).astype(np.uint8))


def noise(side: int, coarse: int) -> Image.Image:
    drawn = np.random.default_rng(4).integers(0, 256, (coarse, coarse, 3), dtype=np.uint8)
    return Image.fromarray(drawn).resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(content: bytes) -> np.ndarray:
    image = decode(content, 128)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def rejection(content: bytes) -> str:
    with pytest.raises(RejectedImageError) as caught:
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
    content = encoded(gradient(), kind, **options)
    assert np.abs(pixels(content) - np.asarray(gradient())).max() <= tolerance
    assert "not an image" in rejection(encoded(gradient(), "TIFF"))


@pytest.mark.parametrize(
    "options",
    [
        *({"subsampling": subsampling} for subsampling in ("4:4:4", "4:2:2", "4:2:0", "4:1:1")),
        {"progressive": True},
        {"keep_rgb": True},
        {"restart_marker_blocks": 3},
    ],
)
def test_a_jpeg_of_the_right_size_has_the_pixels_that_pillow_gives(
    options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    for quality in (30, 98):
        content = encoded(noise(125, 30), "JPEG", quality=quality, **options)
        expected = decode(content, 125).tobytes()
        with monkeypatch.context() as without:
            if options != {"subsampling": "4:1:1"}:
                # Without Pillow's decoder there is no other way than simplejpeg.
                without.setattr(ImageFile.ImageFile, "load", None)
            assert square(content, 125) == expected
    gray = encoded(gradient().convert("L"), "JPEG")
    assert square(gray, 48) == decode(gray, 48).tobytes()


def test_a_damaged_jpeg_is_judged_by_pillow() -> None:
    content = encoded(noise(64, 20), "JPEG")
    rng = np.random.default_rng(5)
    scan = content.index(b"\xff\xda") + 14
    judged = set()
    damaged = [content[:-2], content + b"garbage", content[: len(content) // 2]]
    for place in rng.integers(scan, len(content), 60):
        damaged.append(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
    for each in damaged:
        try:
            expected = decode(each, 64)
        except RejectedImageError:
            judged.add("rejected")
            with pytest.raises(RejectedImageError, match="damaged"):
                square(each, 64)
        else:
            judged.add("read")
            assert square(each, 64) == expected.tobytes()
    assert judged == {"rejected", "read"}


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_other_colour_modes_become_rgb(mode: str) -> None:
    image = gradient().convert(mode)
    found = pixels(encoded(image, "JPEG", quality=98) if mode == "CMYK" else encoded(image))
    assert np.abs(found - np.asarray(image.convert("RGB"))).max() <= (12 if mode == "CMYK" else 0)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    found = pixels(encoded(Image.fromarray(values)))
    assert (found == (values >> 8)[..., None]).all()


def test_transparency_is_laid_on_white() -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 16, 32))
    image.paste((0, 0, 0, 128), (0, 0, 16, 16))
    for mode in ("RGBA", "LA"):
        found = pixels(encoded(image.convert(mode)))
        assert [found[y, x, 0] for y, x in ((24, 8), (24, 24))] == [0, 255]
        assert found[8, 8, 0] == pytest.approx(127, abs=1)
    palette = Image.new("P", (32, 32), 1)
    palette.putpalette([0, 0, 0, 200, 10, 10])
    palette.paste(0, (0, 0, 16, 32))
    found = pixels(encoded(palette, "GIF", transparency=0))
    assert found[5, 5].tolist() == [255, 255, 255] and found[5, 25].tolist() == [200, 10, 10]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    red, _, blue = pixels(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))[16, 16]
    assert red > 240 and blue < 15


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(kind: str) -> None:
    upright = gradient(48, 32)
    # The transposition that undoes each orientation's own.
    stored = [
        None,
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    ]
    for orientation, transposition in enumerate(stored, start=1):
        image = upright if transposition is None else upright.transpose(transposition)
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encoded(image, kind, exif=exif.tobytes(), quality=95)
        assert np.abs(pixels(content) - np.asarray(upright)).mean() < 8
        # A photo of the right size is turned as well.
        assert square(content, 32) == fit(decode(content, 32), 32).tobytes()
    corrupt = encoded(upright, kind, exif=b"Exif\0\0II*\0" + b"\xff" * 40)
    assert pixels(corrupt).shape == (32, 48, 3)


def profile(name: str, data: bytes) -> str:
    """As ImageMagick writes a profile into PNG's text."""
    return f"\n{name}\n{len(data):8}\n" + data.hex("\n", 36) + "\n"


def test_orientation_is_seen_wherever_it_stands() -> None:
    drawn = noise(64, 5)
    turned = drawn.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    raw = exif.tobytes()
    attribute = b'<rdf:Description tiff:Orientation="6"/>'
    packets = [
        attribute,
        b"<rdf:Description tiff:Orientation = '6'/>",
        b"<tiff:Orientation>\n6</tiff:Orientation>",
    ]
    undefined = Image.Exif()
    undefined[0x0112] = 0
    corrupt = b"Exif\0\0II*\0" + b"\xff" * 40
    texts = [("XML:com.adobe.xmp", packet.decode()) for packet in packets]
    for name, data in {"exif": raw, "APP1": raw, "xmp": attribute}.items():
        texts.append((f"Raw profile type {name}", profile(name, data)))
    files = []
    for kind in ("JPEG", "WEBP"):
        files += [encoded(turned, kind, xmp=packet, quality=95) for packet in packets]
        for other in (undefined.tobytes(), corrupt):
            files.append(encoded(turned, kind, exif=other, xmp=attribute, quality=95))
    for key, text in texts:
        for add in (PngImagePlugin.PngInfo.add_text, PngImagePlugin.PngInfo.add_itxt):
            for zipped in (False, True):
                info = PngImagePlugin.PngInfo()
                add(info, key, text, zip=zipped)
                files.append(encoded(turned, pnginfo=info))
    for content in files:
        assert np.abs(pixels(content) - np.asarray(drawn)).mean() < 8
        assert square(content, 64) == decode(content, 64).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_whole_image_is_rejected(kind: str) -> None:
    content = encoded(noise(48, 48), kind)
    for share in (0.3, 0.6, 0.9):
        assert "truncated" in rejection(content[: int(len(content) * share)])
    assert rejection(encoded(Image.new("RGB", (1, 1)), kind)).startswith("1x1: less than 16")
    assert rejection(b"") == "the file is empty"
    for other in (bytes(5000), b"<!DOCTYPE html><html>", content[:4]):
        assert "not an image" in rejection(other)


@pytest.mark.parametrize("side", [8_000, 30_000])
def test_too_large_is_rejected_before_any_pixel_is_decoded(side: int) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10**6), 9))
    jpeg = bytearray(encoded(gradient(), "JPEG"))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = struct.pack(">HH", side, side)
    for content in (png, bytes(jpeg)):
        tracemalloc.start()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert f"more than {MAX_PIXELS:,} pixels" in rejection(content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10**7


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 10**6),
)
def test_damage_is_rejected_or_gives_an_image(
    kind: str, changes: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(encoded(gradient(), kind))
    for place, value in changes:
        content[place % min(len(content), 600)] = value
    try:
        image = decode(bytes(content[: length % (2 * len(content))]), 128)
    except RejectedImageError as error:
        assert str(error) and "0x" not in str(error)
    else:
        assert image.mode == "RGB" and min(image.size) >= 16


def test_resizing_is_antialiased_and_leaves_the_right_size_untouched() -> None:
    # A checkerboard of single pixels is even gray from afar; without antialiasing it is not.
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = Image.fromarray(np.stack([board] * 3, axis=-1))
    found = np.asarray(fit(image, 100)).astype(int)
    assert np.abs(found[4:-4, 4:-4] - 127).max() < 8
    assert (np.asarray(fit(image, 512)) == np.asarray(image)).all()


@pytest.mark.parametrize("size", [(300, 200), (200, 300)])
def test_the_middle_square_of_an_oblong_is_kept(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "red")
    left, top = (size[0] - 200) // 2, (size[1] - 200) // 2
    image.paste("blue", (left, top, left + 200, top + 200))
    found = np.frombuffer(square(encoded(image), 64), np.uint8).reshape(64, 64, 3)
    assert (found[4:-4, 4:-4] == (0, 0, 255)).all()


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same() -> None:
    content = encoded(noise(1600, 25), "JPEG", quality=95)
    small = decode(content, 128)
    assert 3 * 128 <= small.width < 1600
    whole = fit(Image.open(io.BytesIO(content)).convert("RGB"), 128)
    assert np.abs(np.asarray(fit(small, 128)).astype(int) - np.asarray(whole)).mean() < 1
