"""Archives and folders, and all that should not be in them."""

import csv
import io
import os
import resource
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agegender.common.errors import UserError
from agegender.download import archive
from agegender.download.archive import list_files, read_files, survey, unpack
from agegender.download.manifest import Entry, read_manifest, write_manifest
from agegender.download.tables import is_table

GOOD = "30_0_1_20170101000000000.jpg"
PHOTO = os.urandom(3000)
Pack = Callable[[Path, dict[str, bytes]], Path]


def as_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.filename = name
            file.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def as_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode, format=tarfile.GNU_FORMAT) as file:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def as_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


as_gz, as_bz2, as_xz = (partial(as_tar, mode=f"w:{kind}") for kind in ("gz", "bz2", "xz"))
ARCHIVES = pytest.mark.parametrize(
    "pack", [as_zip, as_tar, as_gz, as_bz2, as_xz], ids=["zip", "tar", "gz", "bz2", "xz"]
)
KINDS = pytest.mark.parametrize("pack", [as_zip, as_gz, as_folder], ids=["zip", "gz", "folder"])


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "all" / "data" / "raw"
    folder.mkdir(parents=True)
    return folder


def rejected(entries: Iterable[Entry]) -> dict[str, str]:
    return {entry.source: entry.reason for entry in entries if entry.reason}


@KINDS
def test_photos_come_out_flat_and_listed(tmp_path: Path, raw: Path, pack: Pack) -> None:
    files = {f"a/./b/{GOOD}": PHOTO, "a/1.PNG": b"", "ä.webp": b"xyz", "a/notes.txt": b"hello"}
    entries = unpack(pack(tmp_path / "x", files), raw)
    written = {path.name: path.read_bytes() for path in raw.iterdir()}
    assert written == {GOOD: PHOTO, "1.PNG": b"", "ä.webp": b"xyz"}
    assert rejected(entries) == {"a/notes.txt": "not an image by its extension"}
    assert [entry.source for entry in entries] == sorted(entry.source for entry in entries)
    kept = [entry for entry in entries if not entry.reason]
    assert [entry._replace(source=entry.file) for entry in sorted(kept)] == list_files(raw)
    write_manifest(raw, entries)
    assert list(read_manifest(raw)) == entries


def test_a_damaged_manifest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest\.csv is missing"):
        list(read_manifest(tmp_path))
    header = ",".join(Entry._fields)
    for text in ("a,b\n1,2\n", f"{header}\n1,2\n", f"{header}\na,b,c,d,e\n"):
        (tmp_path / "manifest.csv").write_text(text)
        with pytest.raises(UserError, match=r"manifest\.csv is damaged: it is no list of files"):
            list(read_manifest(tmp_path))


ODD_NAMES = {
    "__MACOSX/x/1.jpg": "a hidden file or folder",
    "x/._1.jpg": "a hidden file or folder",
    ".x/1.jpg": "a hidden file or folder",
    "x/more.zip": "an archive; give it as the source, or unpack it",
    "x/1.HEIC": "HEIC, a format that cannot be read; convert it to JPEG",
    "x/jpg": "not an image by its extension",
    "1.jpg.exe": "not an image by its extension",
    "manifest.csv": "not an image by its extension",
    f"{'1' * 200}.jpg": "a name that not every file system can hold",
    "x/a?.jpg": "a name that not every file system can hold",
    "x/a\n.jpg": "a name that not every file system can hold",
    "x/con.jpg": "a name that not every file system can hold",
    "C:1.jpg": "a name that not every file system can hold",
}


@KINDS
def test_odd_names_are_rejected_by_rule(tmp_path: Path, raw: Path, pack: Pack) -> None:
    source = pack(tmp_path / "x", {name: b"1" for name in ODD_NAMES} | {GOOD: PHOTO})
    before = set(tmp_path.rglob("*"))
    printed = {name.replace("\n", "\\n"): reason for name, reason in ODD_NAMES.items()}
    assert rejected(unpack(source, raw)) == printed
    assert set(tmp_path.rglob("*")) - before == {raw / GOOD}


@pytest.mark.parametrize("pack", [as_zip, as_gz])
def test_folders_in_an_archive_may_be_anything(tmp_path: Path, raw: Path, pack: Pack) -> None:
    folders = ["/", "//", "\\\\host\\", "../", "x/../../../", "x\\..\\..\\", "C:\\", "a?/", "con/"]
    files = {f"{folder}{number}.jpg": PHOTO for number, folder in enumerate(folders)}
    before = set(tmp_path.rglob("*"))
    assert rejected(unpack(pack(tmp_path / "x", files), raw)) == {}
    written = {raw / f"{number}.jpg" for number in range(len(folders))}
    assert set(tmp_path.rglob("*")) - before == written | {tmp_path / "x"}


FOLDERS = {"shift-jis": "表.顔", "gbk": "人脸", "cp866": "лица"}


# A byte of the first is what a backslash is elsewhere, and a dot follows.
@pytest.mark.parametrize("folder", [name.encode(code) for code, name in FOLDERS.items()])
@pytest.mark.parametrize("pack", [as_zip, as_folder])
def test_folders_in_another_encoding(tmp_path: Path, raw: Path, pack: Pack, folder: bytes) -> None:
    if pack is as_folder:
        os.makedirs(os.fsencode(tmp_path) + b"/x/" + folder)
        with open(os.fsencode(tmp_path) + b"/x/" + folder + b"/" + GOOD.encode(), "wb") as file:
            file.write(PHOTO)
    else:
        source = pack(tmp_path / "x", {f"{'@' * len(folder)}/{GOOD}": PHOTO})
        source.write_bytes(source.read_bytes().replace(b"@" * len(folder), folder))
    assert rejected(unpack(tmp_path / "x", raw)) == {}
    assert os.listdir(raw) == [GOOD]


def test_a_zip_with_names_in_unicode_path_fields(tmp_path: Path, raw: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as file:
        for name, unicode, crc in (
            *(("a.jpg", "\u8138.jpg", b"a.jpg"), ("d.jpg", "", b"d.jpg")),
            ("b.jpg", "c.jpg", b"of the name before a renaming"),
        ):
            info = zipfile.ZipInfo(name)
            field = struct.pack("<BL", 1, zlib.crc32(crc)) + unicode.encode()
            info.extra = struct.pack("<HHHHH", 1234, 2, 0, 0x7075, len(field)) + field
            file.writestr(info, PHOTO)
    unpack(tmp_path / "x", raw)
    assert sorted(os.listdir(raw)) == ["b.jpg", "d.jpg", "\u8138.jpg"]


def test_a_zip_that_extracts_itself(tmp_path: Path, raw: Path) -> None:
    source = as_zip(tmp_path / "x", {GOOD: PHOTO})
    source.write_bytes(b"MZ" + os.urandom(70_000) + source.read_bytes())
    assert rejected(unpack(source, raw)) == {}
    assert (raw / GOOD).read_bytes() == PHOTO


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_hard_links_in_a_tar(tmp_path: Path, raw: Path, mode: str) -> None:
    contents = {"1": PHOTO, "2": PHOTO[::-1]}
    with tarfile.open(tmp_path / "x", mode) as file:  # type: ignore[call-overload]
        for name, content in contents.items():
            member = tarfile.TarInfo(f"./pool/{name}")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
        links = [("b.jpg", "pool/2"), ("a.jpg", "./pool/1"), ("c.jpg", "a.jpg"), ("d.jpg", "e")]
        for name, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.LNKTYPE, target
            file.addfile(member)
    reasons = rejected(unpack(tmp_path / "x", raw))
    assert reasons.pop("d.jpg") == "not a regular file"
    assert set(reasons.values()) == {"not an image by its extension"}
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == {
        "a.jpg": PHOTO,
        "b.jpg": PHOTO[::-1],
        "c.jpg": PHOTO,
    }


def test_a_phone_s_photo_under_another_extension(tmp_path: Path, raw: Path) -> None:
    files = {"1.jpg": bytes(4) + b"ftypheic" + PHOTO, f"{GOOD[:-4]}JPG": PHOTO, "2.pg": PHOTO}
    entries = unpack(as_zip(tmp_path / "x", files), raw)
    assert rejected(entries) == {"1.jpg": "HEIC or AVIF, whatever its name says; convert it"}


@pytest.mark.parametrize("pack", [as_zip, as_tar])
def test_an_empty_name(tmp_path: Path, raw: Path, pack: Pack) -> None:
    entries = unpack(pack(tmp_path / "x", {"": b"1", GOOD: PHOTO}), raw)
    assert rejected(entries) == {"": "no name"}


@KINDS
def test_the_first_of_a_name_is_kept(tmp_path: Path, raw: Path, pack: Pack) -> None:
    files = {"a/1.jpg": b"one", "b/1.jpg": b"one", "c/1.JPG": b"two", "d/ä.jpg": b"3"}
    entries = unpack(pack(tmp_path / "x", files | {"e/a\u0308.jpg": b"4"}), raw)
    assert sorted(os.listdir(raw)) == ["1.jpg", "ä.jpg"]
    assert rejected(entries) == {
        "b/1.jpg": "the same name as a/1.jpg, and the same content",
        "c/1.JPG": "the same name as a/1.jpg, and another content",
        "e/a\u0308.jpg": "the same name as d/ä.jpg, and another content",
    }
    assert (raw / "1.jpg").read_bytes() == b"one"
    assert all(len(entry.sha256) == 64 for entry in entries)


def test_what_is_no_regular_file_in_a_tar(tmp_path: Path, raw: Path) -> None:
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"Z"]
    with tarfile.open(tmp_path / "x", "w") as file:
        for number, kind in enumerate([*kinds, tarfile.DIRTYPE]):
            member = tarfile.TarInfo(f"{number}.jpg")
            member.type, member.linkname = kind, "/etc/passwd"
            file.addfile(member)
        member = tarfile.TarInfo(f"0.jpg/{GOOD}")
        member.size = len(PHOTO)
        file.addfile(member, io.BytesIO(PHOTO))
    expected = {f"{number}.jpg": "not a regular file" for number in range(len(kinds))}
    assert rejected(unpack(tmp_path / "x", raw)) == expected
    assert (raw / GOOD).read_bytes() == PHOTO


def test_what_is_no_regular_file_in_a_zip(tmp_path: Path, raw: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as file:
        file.writestr(GOOD, PHOTO)
        file.mkdir("folder.jpg")
        for name, kind in [("link.jpg", stat.S_IFLNK), ("device.jpg", stat.S_IFCHR)]:
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o777) << 16
            file.writestr(info, "/etc/passwd")
        file.writestr("secret.jpg", b"x")
        file.getinfo("secret.jpg").flag_bits |= 1
    assert rejected(unpack(tmp_path / "x", raw)) == {
        "link.jpg": "not a regular file",
        "device.jpg": "not a regular file",
        "secret.jpg": "encrypted",
    }
    assert os.listdir(raw) == [GOOD]


def test_what_is_no_regular_file_in_a_folder(tmp_path: Path, raw: Path) -> None:
    elsewhere = as_folder(tmp_path / "elsewhere", {"1.jpg": b"one"})
    source = as_folder(tmp_path / "x", {GOOD: PHOTO})
    (source / "2.jpg").symlink_to(elsewhere / "1.jpg")
    (source / "loop").symlink_to(source)
    (source / "3.jpg").symlink_to("nowhere")
    os.mkfifo(source / "4.jpg")
    expected = dict.fromkeys(["3.jpg", "4.jpg", "loop"], "not a regular file")
    assert rejected(unpack(source, raw)) == expected
    assert (raw / "2.jpg").read_bytes() == b"one"
    assert not (raw / "2.jpg").is_symlink()


@pytest.mark.parametrize("pack", [as_zip, as_tar])
def test_names_that_do_not_say_that_they_are_utf8(tmp_path: Path, raw: Path, pack: Pack) -> None:
    source = pack(tmp_path / "x", {"x/@@.jpg": b"1", "x/##.jpg": b"2"})
    body = bytearray(source.read_bytes().replace(b"@@", "ä".encode()).replace(b"##", b"\xffa"))
    if pack is as_tar:
        # Both headers' checksums count the new bytes.
        for start in (0, 1024):
            checksum = 256 + sum(body[start : start + 512]) - sum(body[start + 148 : start + 156])
            body[start + 148 : start + 156] = b"%06o\0 " % checksum
    source.write_bytes(body)
    entries = unpack(source, raw)
    assert rejected(entries) == {"x/\\udcffa.jpg": "the name is not UTF-8"}
    assert os.listdir(raw) == ["ä.jpg"]
    write_manifest(raw, entries)


@pytest.mark.parametrize("pack", [as_zip, as_gz, as_bz2, as_xz])
def test_bombs(tmp_path: Path, raw: Path, pack: Pack) -> None:
    source = pack(tmp_path / "x", {GOOD: PHOTO, "bomb.jpg": bytes(20_000_000)})
    assert rejected(unpack(source, raw)) == {"bomb.jpg": "grows more than 100-fold"}
    assert os.listdir(raw) == [GOOD]


def test_what_is_rejected_when_it_is_read_has_no_labels(tmp_path: Path, raw: Path) -> None:
    files = {GOOD: PHOTO, f"again/{GOOD}": PHOTO, "1.jpg": b"....ftypheic", "2.jpg": b"damage me"}
    # Unpacked, these are together too large for the archive that they came in.
    files |= {f"{age}_.jpg": bytes(1_000_000) for age in range(20)}
    source = as_zip(tmp_path / "x", files)
    source.write_bytes(
        source.read_bytes().replace(zlib.crc32(b"damage me").to_bytes(4, "little"), b"crc!")
    )
    plan = {
        path: Entry(Path(path).name, path, len(content), "", "", {"age": "30"})
        for path, content in files.items()
    }
    entries = unpack(source, raw, plan=plan)
    reasons = rejected(entries)
    assert {f"again/{GOOD}", "1.jpg", "2.jpg", "19_.jpg"} <= reasons.keys()
    for entry in entries:
        assert entry.labels == ({} if entry.reason else {"age": "30"})
        assert bool(entry.file) != bool(entry.reason)


@pytest.mark.parametrize("pack", [as_zip, as_gz])
def test_many_small_bombs(tmp_path: Path, raw: Path, pack: Pack) -> None:
    bombs = {f"{i}.jpg": bytes(1_000_000) for i in range(20)}
    entries = unpack(pack(tmp_path / "x", bombs), raw)
    assert set(rejected(entries).values()) == {"grows more than 100-fold"}
    assert sum(path.stat().st_size for path in raw.iterdir()) < 5_000_000


@KINDS
def test_limits(tmp_path: Path, raw: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 2**20)
    files = {GOOD: PHOTO, "large.jpg": os.urandom(2**20 + 1)}
    assert rejected(unpack(pack(tmp_path / "x", files), raw)) == {"large.jpg": "more than 1 MiB"}
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    source = pack(tmp_path / "y", {f"{i}.jpg": b"x" for i in range(4)})
    with pytest.raises(UserError, match="more than 3 files"):
        survey(source, "", is_table)


def test_damage_in_a_zip_does_not_hide_the_other_files(tmp_path: Path, raw: Path) -> None:
    source = tmp_path / "x"
    with zipfile.ZipFile(source, "w") as file:
        file.writestr("a/1.jpg", b"damage me")
        file.writestr("b/1.jpg", b"one")
        file.writestr("2.jpg", b"unknown way")
        file.writestr("c/ä.jpg", b"its name is damaged, where it is flagged as UTF-8")
        file.writestr("lie.jpg", bytes(900_000), zipfile.ZIP_DEFLATED)
        file.getinfo("2.jpg").compress_type = 97
    body = source.read_bytes().replace(b"damage me", b"damaged !")
    body = body.replace("ä".encode(), b"\xff\xff", 1).replace(
        (900_000).to_bytes(4, "little"), bytes([9, 0, 0, 0])
    )
    source.write_bytes(body)
    damaged = dict.fromkeys(
        ["2.jpg", "a/1.jpg", "c/ä.jpg", "lie.jpg"], "damaged, or packed in an unknown way"
    )
    assert rejected(unpack(source, raw)) == damaged
    assert (raw / "1.jpg").read_bytes() == b"one"
    assert os.listdir(raw) == ["1.jpg"]


@ARCHIVES
@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
def test_an_archive_that_is_cut_off(tmp_path: Path, raw: Path, pack: Pack, share: float) -> None:
    source = pack(tmp_path / "x", {f"{i}.jpg": os.urandom(5000) for i in range(20)})
    body = source.read_bytes()
    end = body.rstrip(b"\0") if pack is as_tar else body
    source.write_bytes(body[: int(len(end) * share)])
    with pytest.raises(UserError, match=r"cut off|broken") as caught:
        unpack(source, raw)
    assert str(source) in str(caught.value)


@pytest.mark.parametrize("end", [b"", b"damage"])
def test_a_tar_that_ends_between_two_files(tmp_path: Path, raw: Path, end: bytes) -> None:
    source = as_tar(tmp_path / "x", {"1.jpg": bytes(512), "2.jpg": bytes(512)})
    body = source.read_bytes()
    source.write_bytes(body[:1024] + (end + body[1024 + len(end) :] if end else b""))
    for read in (lambda: unpack(source, raw), lambda: list(read_files(source))):
        with pytest.raises(UserError, match="cut off or damaged after 1 files"):
            read()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no zip and no tar"),
        (b"\xff\xd8\xff\xe0" + bytes(2000), "not an archive that can be read but a single photo"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "but a 7z archive; give a folder, a zip or a tar"),
        (b"<!DOCTYPE html><title>Faces</title>", "but a web page ('Faces')"),
        (bytes(10240), "holds no image; 0 other files"),
    ],
)
def test_what_is_no_archive(tmp_path: Path, raw: Path, content: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError) as caught:
        unpack(tmp_path / "x", raw)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@KINDS
def test_no_image(tmp_path: Path, raw: Path, pack: Pack) -> None:
    with pytest.raises(UserError, match=r"faces holds no image; 1 other files, such as 'a.txt'"):
        unpack(pack(tmp_path / "faces", {"a.txt": b"x"}), raw)


@KINDS
def test_a_full_disk_is_no_damage(tmp_path: Path, raw: Path, pack: Pack) -> None:
    source = pack(tmp_path / "x", {GOOD: os.urandom(300_000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            unpack(source, raw)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@settings(max_examples=60, deadline=None)
@given(
    pack=st.sampled_from([as_zip, as_tar, as_gz]),
    damage=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
)
def test_damage_anywhere_is_rejected_or_found_out(
    tmp_path_factory: pytest.TempPathFactory, pack: Pack, damage: list[tuple[float, int]]
) -> None:
    top = tmp_path_factory.mktemp("fuzz")
    (top / "raw").mkdir()
    files = {f"faces/ä{i}.jpg": bytes([i]) * 700 for i in range(3)} | {"a.txt": b"x"}
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
