"""From an archive or a folder of photos to one flat folder.

What happens to a file that comes in is decided by these rules; the first that applies counts.
Folders as such are no files.

Rejected without being read:

1. what is no regular file: links, devices, pipes, sockets (in a folder, a link to a regular file is
   followed);
2. an encrypted file;
3. no name, or one that is not UTF-8 (a zip's names are UTF-8 even if it does not say so); the
   folders before it may be anything, since none is made; a backslash separates them as well;
4. hidden files, those in hidden folders, and those in ``__MACOSX``;
5. what is no image by its extension (``EXTENSIONS``), archives within the archive included, or an
   image that cannot be read (``UNREADABLE``);
6. names that some file system cannot hold: more than 200 bytes, control characters, any of
   ``< > : " | ? *``, a name reserved by Windows;
7. more than 64 MiB;
8. more than 1 MiB and a hundred times the packed size: the file alone, or with all that was kept
   before, compared with the whole archive.

Rejected when read:

9. damaged by the archive's own checksum, or packed in a way that cannot be unpacked;
10. a HEIC or AVIF image under another extension, as phones hand them on;
11. a second file of the same name, in whatever folder and in whatever case; kept is the first one
    in the order of the archive, where hard links come last, or of a folder's sorted names.

All else is kept under its name, without its folders; where there is a label table, under the path
that it gives the file, see `labeling`, which is the name in rule 11 then. Whether it really is a
photo is decided later. An archive that is cut off is rejected as a whole: nobody knows what is
missing. Only file names made by these rules are ever opened for writing; zipfile and tarfile write
nothing (so that tarfile's ``filter`` has nothing to do).
"""

import errno
import hashlib
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from operator import attrgetter
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import IO, BinaryIO, NamedTuple

from agegender.common.errors import UserError
from agegender.common.files import sha256
from agegender.common.progress import progress_bar
from agegender.download.manifest import Entry
from agegender.download.web_page import describe_page

# UTKFace has an image named .pg, and one that ends in ...357JPG without a dot.
EXTENSIONS = ("jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "pg")
UNREADABLE = ("heic", "heif", "avif", "tif", "tiff", "jxl", "jp2", "dng", "cr2", "nef", "arw")
PACKED = ("zip", "tar", "gz", "tgz", "bz2", "tbz2", "xz", "txz", "7z", "rar", "zst")
MAX_BYTES = 64 * 2**20
MAX_NAME_BYTES = 200
MAX_ENTRIES = 1_000_000
# JPEGs hardly shrink at all; only pictures without content come near this.
MAX_RATIO = 100
RATIO_MATTERS_FROM = 2**20

NO_IMAGE = "not an image by its extension"
_IRREGULAR = "not a regular file"
_HIDDEN = "a hidden file or folder"
_BOMB = f"grows more than {MAX_RATIO}-fold"
# Of images, readable or not, and of archives.
KNOWN_ENDING = re.compile(
    rf"(?:\.|\d(?=jpg$))({'|'.join(EXTENSIONS + UNREADABLE + PACKED)})$", re.I
)
_HEIF = re.compile(rb".{4}ftyp(hei|hev|mif1|msf1|avi[fs])", re.DOTALL)
_KINDS = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; give a folder, a zip or a tar",
    b"Rar!": "a RAR archive; give a folder, a zip or a tar",
    b"\xff\xd8\xff": "a single photo; give a folder, a zip or a tar",
}
UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    ValueError,
)


class _File(NamedTuple):
    """A file before it is judged.

    ``path`` where it comes from; ``size`` in bytes; ``packed``, bytes in the archive (in a tar,
    those of the whole archive; in a folder 0); ``open`` makes its content readable; ``reason`` why
    it is rejected, if its kind is the reason.
    """

    path: str
    size: int
    packed: int
    open: Callable[[], IO[bytes] | None]
    reason: str = ""


def survey(
    source: Path, name: str, wanted: Callable[[str], bool]
) -> tuple[list[Entry], dict[str, bytes]]:
    """What `unpack` would keep of ``source``, as far as that shows without reading the files.

    Args:
        source: see `unpack`.
        name: of ``source``, for messages.
        wanted: whether a file that is no image is wanted, by its path.

    Returns:
        an entry of every file, without its digest, and the contents of those wanted, by path.

    Raises:
        UserError: as `unpack`, or ``source`` holds more than `MAX_ENTRIES` files.
    """
    entries: list[Entry] = []
    contents: dict[str, bytes] = {}
    for file, entry in _files(source, name):
        if len(entries) == MAX_ENTRIES:
            raise UserError(f"{name} holds more than {MAX_ENTRIES:,} files")
        if entry.reason == NO_IMAGE and wanted(entry.source) and not _too_large(file):
            contents[entry.source], reason = _read(file)
            entry = entry._replace(reason=reason or NO_IMAGE)
        entries.append(entry)
    return _sorted(entries, source, name), contents


def unpack(
    source: Path, folder: Path, name: str | None = None, plan: Mapping[str, Entry] = {}
) -> list[Entry]:
    """Put the photos of ``source`` into ``folder``, flat.

    Args:
        source: a folder, a zip or a tar, compressed by gzip, bzip2, xz or not at all; the content
            counts, not the extension.
        folder: empty; where the photos go.
        name: of ``source``, for messages; by default its path.
        plan: by a file's path, what becomes of it: its name in ``folder`` and its labels, or why it
            is rejected. Other files keep their names.

    Returns:
        every file that came in, kept or not, sorted by where it came from.

    Raises:
        UserError: ``source`` is something else, is cut off, or holds no image.
    """
    name = name or str(source)
    entries: list[Entry] = []
    kept: dict[str, Entry] = {}
    packed, kept_bytes = 0 if source.is_dir() else source.stat().st_size, 0
    reading = f"reading {PurePosixPath(name).name or name}"
    for file, entry in progress_bar(_files(source, name), desc=reading, unit="files"):
        if entry.reason in ("", NO_IMAGE):
            entry = plan.get(entry.source, entry)
        if not entry.reason and _is_bomb(kept_bytes + file.size, packed):
            entry = entry.rejected(_BOMB)
        if not entry.reason:
            entry = _keep(file, folder, entry, kept)
        if not entry.reason:
            kept_bytes += entry.bytes
        entries.append(entry)
    return _sorted(entries, source, name)


class FoundFile(NamedTuple):
    """A file of a folder or archive: its path there, its content, or why it was not read."""

    source: str
    content: bytes
    reason: str


def read_files(source: Path) -> Iterator[FoundFile]:
    """The images of a folder, zip or tar, one at a time.

    Files are judged by the rules above, but those of the same name in different folders are read
    all, and what is no image by its name, or is hidden, is left out.

    Raises:
        UserError: ``source`` is something else, or is cut off.
    """
    for file, entry in _files(source, str(source)):
        if entry.reason not in (_HIDDEN, NO_IMAGE):
            content, reason = (b"", entry.reason) if entry.reason else _read(file)
            yield FoundFile(entry.source, content, reason)


def list_folder(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file below a folder, hidden ones left out, and why `read_files` would not read it."""
    for file, entry in _files(folder, str(folder)):
        if entry.reason != _HIDDEN:
            yield folder / file.path, entry.reason


def read_file(path: Path) -> FoundFile:
    """A single file, whatever its name is.

    Raises:
        OSError: it cannot be read.
    """
    file = _File(str(path), path.stat().st_size, 0, partial(_open_file, str(path)))
    return FoundFile(printable(str(path)), *_read(file))


def list_files(folder: Path) -> list[Entry]:
    """The entries of a flat folder all of whose files are kept, sorted by name."""
    return [
        Entry(path.name, path.name, path.stat().st_size, sha256(path), "")
        for path in sorted(folder.iterdir())
    ]


def _files(source: Path, name: str) -> Iterator[tuple[_File, Entry]]:
    """Each file, and what becomes of it as far as that shows without reading it.

    Raises:
        UserError: see `unpack`.
    """
    count = 0
    try:
        for file in _in_folder(source, "") if source.is_dir() else _in_archive(source, name):
            reason = file.reason or _reject(file)
            kept = "" if reason else _parts(file.path)[-1]
            yield file, Entry(kept, printable(file.path), file.size, "", reason)
            count += 1
    except (*_DAMAGE, OSError) as error:
        if not _is_damage(error):
            raise
        remedy = "" if source.is_dir() else "; fetch it again, or unpack it and give the folder"
        raise UserError(f"{name} is cut off or damaged after {count} files{remedy}") from None


def _sorted(entries: list[Entry], source: Path, name: str) -> list[Entry]:
    """All ``entries`` of ``source``, if there is an image among them."""
    entries.sort(key=attrgetter("source", "file", "reason"))
    if all(entry.reason for entry in entries):
        example = f", such as '{entries[0].source}': {entries[0].reason}" if entries else ""
        what = "the folder " if source.is_dir() else ""
        raise UserError(f"{what}{name} holds no image; {len(entries)} other files{example}")
    return entries


def _keep(file: _File, folder: Path, entry: Entry, kept: dict[str, Entry]) -> Entry:
    """Write a file to ``folder`` by its name in ``entry``, unless another has it."""
    content, reason = _read(file)
    if reason:
        return entry.rejected(reason)
    entry = entry._replace(bytes=file.size, sha256=hashlib.sha256(content).hexdigest())
    # macOS and Windows take names for the same that differ in case or in normal form.
    key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", entry.file).casefold())
    if first := kept.get(key):
        same = "the same" if first.sha256 == entry.sha256 else "another"
        return entry.rejected(f"the same name as {first.source}, and {same} content")
    with (folder / entry.file).open("xb") as output:
        output.write(content)
    kept[key] = entry
    return entry


def _read(file: _File) -> tuple[bytes, str]:
    """The content of a file, or why it is rejected."""
    try:
        stream = file.open()
        assert stream is not None, "only directories have none"
        with stream:
            # A file that grows while it is read is cut at the size that was judged.
            content = stream.read(file.size)
        if len(content) != file.size:
            raise EOFError
    except (*_DAMAGE, OSError) as error:
        # Damage in a compressed tar also ends the reading of what follows, which rejects it whole.
        if not _is_damage(error):
            raise
        damage = "damaged, or packed in an unknown way" if file.packed else "changing, or damaged"
        return b"", damage
    if _HEIF.match(content):
        return b"", "HEIC or AVIF, whatever its name says; convert it"
    return content, ""


def _is_damage(error: Exception) -> bool:
    """Whether an error that occurred in reading comes from what was read, not from the machine.

    The decompressors raise OSError without a number, and seeking to a place before the file's
    beginning is invalid.
    """
    return not isinstance(error, OSError) or error.errno in (None, errno.EINVAL)


def _reject(file: _File) -> str:
    """Why a file is not even read; empty if it is."""
    parts = _parts(file.path)
    if not parts:
        return "no name"
    name = parts[-1]
    if not _is_utf8(name):
        return "the name is not UTF-8"
    if any(re.match(r"\.(?!\.$)|__MACOSX$", part) for part in parts):
        return _HIDDEN
    extension = KNOWN_ENDING.search(name)
    kind = extension[1].lower() if extension else ""
    if kind in UNREADABLE:
        return f"{kind.upper()}, a format that cannot be read; convert it to JPEG"
    if kind in PACKED:
        return "an archive; give it as the source, or unpack it"
    if not kind:
        return NO_IMAGE
    if len(name.encode()) > MAX_NAME_BYTES or UNSAFE.search(name) or _WINDOWS.fullmatch(name):
        return "a name that not every file system can hold"
    return _too_large(file)


def _too_large(file: _File) -> str:
    if file.size > MAX_BYTES:
        return f"more than {MAX_BYTES // 2**20} MiB"
    return _BOMB if _is_bomb(file.size, file.packed) else ""


def _is_bomb(size: int, packed: int) -> bool:
    return packed > 0 and size > max(RATIO_MATTERS_FROM, MAX_RATIO * packed)


def _parts(source: str) -> list[str]:
    # In Shift-JIS and GBK a backslash may be half a character.
    separators = r"[/\\]" if _is_utf8(source) or "/" not in source else "/"
    return [part for part in re.split(separators, source) if part not in ("", ".")]


def _is_utf8(name: str) -> bool:
    return name.encode(errors="ignore").decode() == name


def printable(source: str) -> str:
    """``source`` in one line of UTF-8, whatever is in it."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in source
    )


def _in_folder(folder: Path, prefix: str) -> Iterator[_File]:
    """The files below ``folder`` in the order of their paths; links to folders are not followed."""
    with os.scandir(folder) as listing:
        children = sorted(listing, key=lambda child: child.name)
    for child in children:
        source, open_ = f"{prefix}{child.name}", partial(_open_file, child.path)
        if child.is_dir(follow_symlinks=False):
            yield from _in_folder(Path(child.path), f"{source}/")
        elif child.is_file():
            yield _File(source, child.stat().st_size, 0, open_)
        else:
            yield _File(source, 0, 0, open_, _IRREGULAR)


def _open_file(path: str) -> BinaryIO:
    return open(path, "rb")


def _in_archive(source: Path, name: str) -> Iterator[_File]:
    with source.open("rb") as file:
        head = file.read(64 * 1024)
        file.seek(0)
        kinds = (kind for beginning, kind in _KINDS.items() if head.startswith(beginning))
        if kind := describe_page(head) or next(kinds, None):
            raise UserError(f"{name} is not an archive that can be read but {kind}")
        # A zip may extract itself, and then begins with a program.
        zipped = head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
        if not zipped and not tarfile.is_tarfile(file):
            zipped = zipfile.is_zipfile(file)
        file.seek(0)
        yield from _in_zip(file) if zipped else _in_tar(file, name)


def _in_zip(file: BinaryIO) -> Iterator[_File]:
    with warnings.catch_warnings(action="ignore"):
        archive = zipfile.ZipFile(file)
    with archive:
        for info in archive.infolist():
            path = _name_in_zip(info)
            # Not info.is_dir(), which fails where there is no name (Python 3.11).
            if path.endswith(("/", "\\")):
                continue
            reason = "encrypted" if info.flag_bits & 1 else ""
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
                reason = _IRREGULAR
            packed = max(1, info.compress_size)
            yield _File(path, info.file_size, packed, partial(archive.open, info), reason)


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """The name, its bytes read as UTF-8 also where the zip does not say that they are.

    The extra field 0x7075 holds it in UTF-8, with the CRC of the other one, which it goes by
    (APPNOTE.TXT, 4.6.9). Only Python 3.12 and newer know it.
    """
    if info.flag_bits & 0x800:
        return info.orig_filename
    name, extra = info.orig_filename.encode("cp437"), info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == 0x7075 and field[:5] == struct.pack("<BL", 1, zlib.crc32(name)) and field[5:]:
            name = field[5:]
    return name.decode("utf-8", "surrogateescape")


def _in_tar(file: BinaryIO, name: str) -> Iterator[_File]:
    packed = os.fstat(file.fileno()).st_size
    try:
        archive = tarfile.open(fileobj=file, mode="r:*", encoding="utf-8")  # noqa: SIM115
    except tarfile.ReadError:
        raise UserError(
            f"{name} is no zip and no tar (plain, gzip, bzip2, xz), or broken at its beginning"
        ) from None
    # Where the headers of regular files are, and the files' sizes, by their names.
    regular: dict[str, tuple[int, int]] = {}
    links: list[tuple[int, int, str]] = []
    with archive:
        while (member := archive.next()) is not None:
            # Else the headers of all members stay in memory.
            archive.members.clear()  # type: ignore[attr-defined]
            if member.isdir():
                continue
            if member.islnk() and (found := regular.get(normpath(member.linkname))):
                regular[normpath(member.name)] = found
                links.append((*found, member.name))
                continue
            if member.size < 0:
                raise tarfile.ReadError("negative size")
            if member.isreg():
                regular[normpath(member.name)] = member.offset, member.size
            open_ = partial(archive.extractfile, member)
            reason = "" if member.isreg() else _IRREGULAR
            yield _File(member.name, member.size, packed, open_, reason)
        assert archive.fileobj is not None
        # The end is marked by a block of zeros; tarfile takes damage for the end too.
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("no end mark")
        # Hard links in the order of what they mean, so that a compressed archive is read only once
        # more; several to one file come one after the other.
        read = lru_cache(maxsize=1)(partial(_read_member, archive))
        for offset, size, path in sorted(links):
            yield _File(path, size, size, partial(_open_bytes, read, offset))


def _read_member(archive: tarfile.TarFile, offset: int) -> bytes:
    """The content of the member whose header stands at ``offset``."""
    assert archive.fileobj is not None
    archive.fileobj.seek(offset)
    archive.offset = offset
    member = archive.next()
    stream = archive.extractfile(member) if member else None
    assert stream is not None, "it was there before"
    return stream.read()


def _open_bytes(read: Callable[[int], bytes], offset: int) -> IO[bytes]:
    return io.BytesIO(read(offset))
