"""Archives and folders, and all that should not be in them."""

import csv
import io
import os
import socket
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agegender.common.errors import UserError
from agegender.download import archive
from agegender.download.archive import list_files, unpack
from agegender.download.manifest import Entry, read_manifest, write_manifest

GOOD = "30_0_1_20170101000000000.jpg"
PHOTO = os.urandom(3000)
Pack = Callable[[Path, dict[str, bytes]], Path]


def as_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in files.items():
            file.writestr(name, content)
    return path


def as_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def as_tar_gz(path: Path, files: dict[str, bytes]) -> Path:
    return as_tar(path, files, "w:gz")


def as_tar_bz2(path: Path, files: dict[str, bytes]) -> Path:
    return as_tar(path, files, "w:bz2")


def as_tar_xz(path: Path, files: dict[str, bytes]) -> Path:
    return as_tar(path, files, "w:xz")


def as_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


ARCHIVES = [as_zip, as_tar, as_tar_gz, as_tar_bz2, as_tar_xz]
ALL = [*ARCHIVES, as_folder]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "all" / "data" / "raw"
    folder.mkdir(parents=True)
    return folder


def refused(entries: Iterable[Entry]) -> dict[str, str]:
    return {entry.source: entry.reason for entry in entries if entry.reason}


@pytest.mark.parametrize("pack", ALL)
def test_photos_come_out_flat_and_listed(tmp_path: Path, raw: Path, pack: Pack) -> None:
    files = {f"a/b/{GOOD}": PHOTO, "a/1.PNG": b"", "2.webp": b"xyz", "a/notes.txt": b"hello"}
    entries = unpack(pack(tmp_path / "x", files), raw)
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == {
        GOOD: PHOTO,
        "1.PNG": b"",
        "2.webp": b"xyz",
    }
    assert [entry.source for entry in entries] == sorted(files)
    assert [entry.bytes for entry in entries] == [3, 0, 3000, 5]
    assert refused(entries) == {"a/notes.txt": "not an image by its extension"}
    kept = [entry for entry in entries if not entry.reason]
    assert [entry._replace(source=entry.file) for entry in sorted(kept)] == list(list_files(raw))
    write_manifest(raw, entries)
    assert list(read_manifest(raw)) == list(entries)


@pytest.mark.parametrize("pack", ALL)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("__MACOSX/x/1.jpg", "macOS metadata"),
        ("x/._1.jpg", "a hidden file or folder"),
        (".x/1.jpg", "a hidden file or folder"),
        ("x/more.zip", "an archive within the archive"),
        ("x/more.tar.gz", "an archive within the archive"),
        ("x/jpg", "not an image by its extension"),
        ("1.jpg.exe", "not an image by its extension"),
        ("manifest.csv", "not an image by its extension"),
        (f"{'1' * 200}.jpg", "a name of more than 200 bytes"),
        ("x/a?.jpg", "a name that not every file system can hold"),
        ("x/a\n.jpg", "a name that not every file system can hold"),
        ("x/con.jpg", "a name that not every file system can hold"),
        ("x/a:b.jpg", "a name that not every file system can hold"),
        ("x\\..\\..\\1.jpg", "a path with '..'"),
        ("C:\\1.jpg", "an absolute path"),
    ],
)
def test_odd_names_are_refused_by_rule(
    tmp_path: Path, raw: Path, pack: Pack, name: str, reason: str
) -> None:
    entries = unpack(pack(tmp_path / "x", {GOOD: PHOTO, name: b"1"}), raw)
    shown = name.encode("unicode_escape").decode() if "\n" in name else name
    assert refused(entries) == {shown: reason}
    assert os.listdir(raw) == [GOOD]


@pytest.mark.parametrize("pack", ARCHIVES)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/1.jpg", "an absolute path"),
        ("//1.jpg", "an absolute path"),
        ("\\\\host\\1.jpg", "an absolute path"),
        ("../1.jpg", "a path with '..'"),
        ("x/../../../1.jpg", "a path with '..'"),
        ("x/../1.jpg", "a path with '..'"),
    ],
)
def test_nothing_is_written_elsewhere(
    tmp_path: Path, raw: Path, pack: Pack, name: str, reason: str
) -> None:
    source = pack(tmp_path / "x", {name: b"1", GOOD: PHOTO})
    entries = unpack(source, raw)
    assert refused(entries) == {name: reason}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [source, raw / GOOD]


def test_a_dot_at_the_beginning_is_harmless(tmp_path: Path, raw: Path) -> None:
    unpack(as_tar(tmp_path / "x", {f"./faces/./{GOOD}": PHOTO}), raw)
    assert os.listdir(raw) == [GOOD]


@pytest.mark.parametrize("pack", ALL)
def test_the_first_of_a_name_is_kept(tmp_path: Path, raw: Path, pack: Pack) -> None:
    files = {"a/1.jpg": b"one", "b/1.jpg": b"one", "c/1.JPG": b"two", "d/ä.jpg": b"3"}
    files["e/a\u0308.jpg"] = b"4"
    entries = unpack(pack(tmp_path / "x", files), raw)
    assert sorted(os.listdir(raw)) == ["1.jpg", "ä.jpg"]
    assert refused(entries) == {
        "b/1.jpg": "the same name as a/1.jpg, and the same content",
        "c/1.JPG": "the same name as a/1.jpg, and another content",
        "e/a\u0308.jpg": "the same name as d/ä.jpg, and another content",
    }
    assert (raw / "1.jpg").read_bytes() == b"one"
    assert all(len(entry.sha256) == 64 for entry in entries)


@pytest.mark.parametrize("pack", [as_zip, as_tar])
def test_the_first_of_a_path_is_kept(tmp_path: Path, raw: Path, pack: Pack) -> None:
    source = pack(tmp_path / "x", {"a/1.jpg": b"one", "a/2.jpg": b"two"})
    source.write_bytes(source.read_bytes().replace(b"a/2.jpg", b"a/1.jpg"))
    if pack is as_tar:
        # The header's checksum counts the digit too.
        body = bytearray(source.read_bytes())
        checksum = 256 + sum(body[1024:1536]) - sum(body[1024 + 148 : 1024 + 156])
        body[1024 + 148 : 1024 + 156] = b"%06o\0 " % checksum
        source.write_bytes(body)
    assert refused(unpack(source, raw)) == {
        "a/1.jpg": "the same name as a/1.jpg, and another content"
    }
    assert (raw / "1.jpg").read_bytes() == b"one"


def test_links_and_devices_in_a_tar(tmp_path: Path, raw: Path) -> None:
    kinds = {
        "sym.jpg": tarfile.SYMTYPE,
        "hard.jpg": tarfile.LNKTYPE,
        "char.jpg": tarfile.CHRTYPE,
        "block.jpg": tarfile.BLKTYPE,
        "pipe.jpg": tarfile.FIFOTYPE,
        "odd.jpg": b"Z",
        "folder": tarfile.DIRTYPE,
    }
    with tarfile.open(tmp_path / "x", "w") as file:
        for name, kind in kinds.items():
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = "/etc/passwd" if name == "sym.jpg" else GOOD
            file.addfile(member)
        member = tarfile.TarInfo("sym.jpg/" + GOOD)
        member.size = len(PHOTO)
        file.addfile(member, io.BytesIO(PHOTO))
    assert refused(unpack(tmp_path / "x", raw)) == {
        "sym.jpg": "a link",
        "hard.jpg": "a link",
        "char.jpg": "a device or pipe",
        "block.jpg": "a device or pipe",
        "pipe.jpg": "a device or pipe",
        "odd.jpg": "a device or pipe",
    }
    assert (raw / GOOD).read_bytes() == PHOTO


def test_links_devices_and_secrets_in_a_zip(tmp_path: Path, raw: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as file:
        file.writestr(GOOD, PHOTO)
        file.mkdir("folder.jpg")
        for name, kind in [("link.jpg", stat.S_IFLNK), ("device.jpg", stat.S_IFCHR)]:
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o777) << 16
            file.writestr(info, "/etc/passwd")
        file.writestr("secret.jpg", b"x")
        file.getinfo("secret.jpg").flag_bits |= 1
    assert refused(unpack(tmp_path / "x", raw)) == {
        "link.jpg": "a link",
        "device.jpg": "a device or pipe",
        "secret.jpg": "encrypted",
    }
    assert os.listdir(raw) == [GOOD]


def test_links_and_devices_in_a_folder(
    tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = as_folder(tmp_path / "elsewhere", {"1.jpg": b"one"})
    source = as_folder(tmp_path / "x", {GOOD: PHOTO})
    (source / "2.jpg").symlink_to(elsewhere / "1.jpg")
    (source / "loop").symlink_to(source)
    (source / "3.jpg").symlink_to("nowhere")
    os.mkfifo(source / "4.jpg")
    monkeypatch.chdir(source)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("5.jpg")
        entries = unpack(source, raw)
    assert refused(entries) == {
        "loop": "a link to a folder or to nothing",
        "3.jpg": "a link to a folder or to nothing",
        "4.jpg": "a device or pipe",
        "5.jpg": "a device or pipe",
    }
    assert (raw / "2.jpg").read_bytes() == b"one"
    assert not (raw / "2.jpg").is_symlink()


def test_names_that_are_not_utf8(tmp_path: Path, raw: Path) -> None:
    files = {GOOD: PHOTO, "x/\udcff.jpg": b"1"}
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as file:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    expected = {"x/\\udcff.jpg": "the name is not UTF-8"}
    entries = unpack(tmp_path / "x.tar", raw)
    assert refused(entries) == expected
    write_manifest(raw, entries)

    (raw / "zip").mkdir()
    body = as_zip(tmp_path / "x.zip", {GOOD: PHOTO, "x/@.jpg": b"1"}).read_bytes()
    (tmp_path / "x.zip").write_bytes(body.replace(b"x/@.jpg", b"x/\xff.jpg"))
    assert refused(unpack(tmp_path / "x.zip", raw / "zip")) == expected


def test_names_in_a_zip_that_does_not_say_that_they_are_utf8(tmp_path: Path, raw: Path) -> None:
    body = as_zip(tmp_path / "x.zip", {"x/@@.jpg": b"1"}).read_bytes()
    (tmp_path / "x.zip").write_bytes(body.replace(b"@@", "ä".encode()))
    (entry,) = unpack(tmp_path / "x.zip", raw)
    assert (entry.file, entry.source) == ("ä.jpg", "x/ä.jpg")


@pytest.mark.parametrize("pack", [as_zip, as_tar_gz, as_tar_bz2, as_tar_xz])
def test_bombs(tmp_path: Path, raw: Path, pack: Pack) -> None:
    source = pack(tmp_path / "x", {GOOD: PHOTO, "bomb.jpg": bytes(20_000_000)})
    assert source.stat().st_size < 50_000
    assert refused(unpack(source, raw)) == {"bomb.jpg": "grows more than 100-fold"}
    assert os.listdir(raw) == [GOOD]


@pytest.mark.parametrize("pack", [as_zip, as_tar_gz])
def test_many_small_bombs(tmp_path: Path, raw: Path, pack: Pack) -> None:
    bombs = {f"{i}.jpg": bytes(1_000_000) for i in range(20)}
    entries = unpack(pack(tmp_path / "x", bombs), raw)
    assert set(refused(entries).values()) == {"the archive grows more than 100-fold"}
    assert len(os.listdir(raw)) + len(refused(entries)) == 20
    assert sum(path.stat().st_size for path in raw.iterdir()) < 5_000_000


@pytest.mark.parametrize("pack", ALL)
def test_large_files(
    tmp_path: Path, raw: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 2**20)
    source = pack(tmp_path / "x", {GOOD: PHOTO, "large.jpg": os.urandom(2**20 + 1)})
    assert refused(unpack(source, raw)) == {"large.jpg": "more than 1 MiB"}


@pytest.mark.parametrize("pack", ALL)
def test_too_many_files(
    tmp_path: Path, raw: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    source = pack(tmp_path / "x", {f"{i}.jpg": b"x" for i in range(4)})
    with pytest.raises(UserError, match="more than 3 files"):
        unpack(source, raw)


def test_a_lie_about_the_size_in_a_zip(tmp_path: Path, raw: Path) -> None:
    source = as_zip(tmp_path / "x", {GOOD: PHOTO, "bomb.jpg": bytes(9_000_000)})
    body = source.read_bytes().replace((9_000_000).to_bytes(4, "little"), bytes([9, 0, 0, 0]))
    source.write_bytes(body)
    assert refused(unpack(source, raw)) == {"bomb.jpg": "damaged, or packed in an unknown way"}
    assert os.listdir(raw) == [GOOD]


def test_a_damaged_file_in_a_zip_does_not_hide_the_others(tmp_path: Path, raw: Path) -> None:
    source = tmp_path / "x"
    with zipfile.ZipFile(source, "w") as file:
        file.writestr("a/1.jpg", b"damage me")
        file.writestr("b/1.jpg", b"one")
        file.writestr("2.jpg", b"unknown way")
        file.getinfo("2.jpg").compress_type = 97
    source.write_bytes(source.read_bytes().replace(b"damage me", b"damaged !"))
    entries = unpack(source, raw)
    assert refused(entries) == {
        "2.jpg": "damaged, or packed in an unknown way",
        "a/1.jpg": "damaged, or packed in an unknown way",
    }
    assert (raw / "1.jpg").read_bytes() == b"one"


@pytest.mark.parametrize("pack", ARCHIVES)
@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.999])
def test_an_archive_that_is_cut_off(tmp_path: Path, raw: Path, pack: Pack, share: float) -> None:
    source = pack(tmp_path / "x", {f"{i}.jpg": os.urandom(5000) for i in range(20)})
    body = source.read_bytes()
    end = body.rstrip(b"\0") if pack is as_tar else body
    source.write_bytes(body[: int(len(end) * share)])
    with pytest.raises(UserError) as caught:
        unpack(source, raw)
    assert "broken" in str(caught.value)
    assert str(source) in str(caught.value)


def test_a_tar_cut_between_two_files(tmp_path: Path, raw: Path) -> None:
    source = as_tar(tmp_path / "x", {"1.jpg": bytes(512), "2.jpg": bytes(512)})
    source.write_bytes(source.read_bytes()[:1024])
    with pytest.raises(UserError, match="broken off or damaged after 1 files"):
        unpack(source, raw)


def test_damage_between_two_files_of_a_tar(tmp_path: Path, raw: Path) -> None:
    source = as_tar(tmp_path / "x", {"1.jpg": bytes(512), "2.jpg": bytes(512)})
    body = bytearray(source.read_bytes())
    body[1024] ^= 1
    source.write_bytes(body)
    with pytest.raises(UserError, match="broken off or damaged after 1 files"):
        unpack(source, raw)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no zip and no tar"),
        (b"hello", "no zip and no tar"),
        (b"\xff\xd8\xff\xe0" + bytes(2000), "no zip and no tar"),
        (b"Rar!\x1a\x07\x00" + bytes(2000), "no zip and no tar"),
        (b"<!DOCTYPE html><title>Faces</title>", "not an archive but a web page ('Faces')"),
        (b"<html>Please sign in</html>", "login form"),
        (bytes(10240), "holds no image; 0 other files"),
    ],
)
def test_what_is_no_archive(tmp_path: Path, raw: Path, content: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError) as caught:
        unpack(tmp_path / "x", raw)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pack", ALL)
def test_no_image(tmp_path: Path, raw: Path, pack: Pack) -> None:
    with pytest.raises(UserError, match=r"faces holds no image; 1 other files, such as 'a.txt'"):
        unpack(pack(tmp_path / "faces", {"a.txt": b"x"}), raw)


def test_a_readers_error_is_not_the_archives(
    tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_copy", full)
    for pack in (as_zip, as_tar_gz, as_folder):
        with pytest.raises(OSError, match="No space left"):
            unpack(pack(tmp_path / pack.__name__, {GOOD: PHOTO}), raw)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pack=st.sampled_from([as_zip, as_tar, as_tar_gz]),
    damage=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
)
def test_damage_anywhere_is_refused_or_found_out(
    tmp_path_factory: pytest.TempPathFactory, pack: Pack, damage: list[tuple[float, int]]
) -> None:
    top = tmp_path_factory.mktemp("fuzz")
    (top / "raw").mkdir()
    files = {f"faces/{i}.jpg": bytes([i]) * 700 for i in range(3)} | {"a.txt": b"x"}
    source = pack(top / "x", files)
    body = bytearray(source.read_bytes())
    for place, value in damage:
        body[int(place * len(body))] = value
    source.write_bytes(body)
    try:
        entries = unpack(source, top / "raw")
    except UserError as error:
        assert "\n" not in str(error)
    else:
        write_manifest(top / "raw", entries)
        rows = list(csv.reader((top / "raw" / "manifest.csv").read_text().splitlines()))
        assert len(rows) == len(entries) + 1
        kept = {entry.file for entry in entries if entry.file}
        assert set(os.listdir(top / "raw")) == kept | {"manifest.csv"}
    assert set(os.listdir(top)) == {"raw", "x"}
