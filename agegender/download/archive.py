"""From an archive or a folder of photos to one flat folder.

What happens to a file that comes in is decided by these rules; the first that applies counts.
Folders as such are no files.

Rejected without being read:

1. what is no regular file: links, devices, pipes, sockets (in a folder, a link to a regular file is
   followed);
2. an encrypted file;
3. a path that is empty, not UTF-8 (a zip's names are UTF-8 even if it does not say so), absolute
   or contains ``..``; a backslash separates folders as well;
4. hidden files, those in hidden folders, and those in ``__MACOSX``;
5. what is no image by its extension (``EXTENSIONS``), archives within the archive included;
6. names that some file system cannot hold: more than 200 bytes, control characters, any of
   ``< > : " | ? *``, a name reserved by Windows;
7. more than 64 MiB;
8. more than 1 MiB and a hundred times the packed size: the file alone, or with all that was kept
   before, compared with the whole archive.

Rejected when read:

9. damaged by the archive's own checksum, or packed in a way that cannot be unpacked;
10. a second file of the same name, in whatever folder and in whatever case; kept is the first one
    in the order of the archive, or of a folder's sorted names.

All else is kept under its name, without its folders. Whether it really is a photo is decided later.
An archive that is cut off is rejected as a whole: nobody knows what is missing. Only file names
made by these rules are ever opened for writing; zipfile and tarfile write nothing (so that
tarfile's ``filter`` has nothing to do).
"""

import errno
import hashlib
import lzma
import os
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from agegender.common.errors import UserError
from agegender.common.files import sha256
from agegender.common.progress import progress_bar
from agegender.download.manifest import Entry
from agegender.download.web_page import describe_page

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".heic", ".heif", ".avif"),
)
MAX_BYTES = 64 * 2**20
MAX_NAME_BYTES = 200
MAX_ENTRIES = 1_000_000
# JPEGs hardly shrink at all; only pictures without content come near this.
MAX_RATIO = 100
RATIO_MATTERS_FROM = 2**20

_IRREGULAR = "not a regular file"
_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
)


@dataclass(frozen=True)
class _File:
    """A file before it is judged.

    Attributes:
        source: its path where it comes from.
        size: bytes.
        packed: bytes in the archive (in a tar, those of the whole archive); 0 in a folder.
        open: makes its content readable.
        reason: why it is rejected, if its kind is the reason.
    """

    source: str
    size: int
    packed: int
    open: Callable[[], IO[bytes] | None]
    reason: str = ""


def unpack(source: Path, folder: Path, name: str | None = None) -> list[Entry]:
    """Put the photos of ``source`` into ``folder``, flat.

    Args:
        source: a folder, a zip or a tar, compressed by gzip, bzip2, xz or not at all; the content
            counts, not the extension.
        folder: empty; where the photos go.
        name: of ``source``, for messages; by default its path.

    Returns:
        every file that came in, kept or not, sorted by where it came from.

    Raises:
        UserError: ``source`` is something else, is cut off, or holds no image.
    """
    name = name or str(source)
    if source.is_dir():
        files, packed = _in_folder(source, ""), 0
    else:
        files, packed = _in_archive(source, name), source.stat().st_size
    entries: list[Entry] = []
    kept: dict[str, Entry] = {}
    kept_bytes = 0
    try:
        reading = f"reading {PurePosixPath(name).name or name}"
        for file in progress_bar(files, desc=reading, unit="files"):
            reason = file.reason or _reject(file)
            bomb = _is_bomb(file.size, file.packed) or _is_bomb(kept_bytes + file.size, packed)
            if not reason and bomb:
                reason = f"grows more than {MAX_RATIO}-fold"
            if reason:
                entry = Entry("", _printable(file.source), file.size, "", reason)
            else:
                entry = _keep(file, folder, kept)
                kept_bytes += entry.bytes if entry.file else 0
            entries.append(entry)
            if len(entries) > MAX_ENTRIES:
                raise UserError(f"{name} holds more than {MAX_ENTRIES:,} files")
    except (*_DAMAGE, OSError) as error:
        if not _is_damage(error):
            raise
        raise UserError(
            f"{name} is cut off or damaged after {len(entries)} files; "
            "fetch it again, or unpack it and give the folder"
        ) from None
    entries.sort(key=lambda entry: (entry.source, entry.file, entry.reason))
    if not kept:
        example = f", such as '{entries[0].source}': {entries[0].reason}" if entries else ""
        raise UserError(f"{name} holds no image; {len(entries)} other files{example}")
    return entries


def list_files(folder: Path) -> list[Entry]:
    """The entries of a flat folder all of whose files are kept, sorted by name."""
    return [
        Entry(path.name, path.name, path.stat().st_size, sha256(path), "")
        for path in sorted(folder.iterdir())
    ]


def _keep(file: _File, folder: Path, kept: dict[str, Entry]) -> Entry:
    """Read a file and write it to ``folder``, unless another of its name is ``kept``."""
    source = _printable(file.source)
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
        return Entry("", source, file.size, "", "damaged, or packed in an unknown way")
    digest = hashlib.sha256(content).hexdigest()
    name = _parts(file.source)[-1]
    # macOS and Windows take names for the same that differ in case or in normal form.
    key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    first = kept.get(key)
    if first:
        same = "the same" if first.sha256 == digest else "another"
        reason = f"the same name as {first.source}, and {same} content"
        return Entry("", source, file.size, digest, reason)
    with (folder / name).open("xb") as output:
        output.write(content)
    kept[key] = Entry(name, source, file.size, digest, "")
    return kept[key]


def _is_damage(error: Exception) -> bool:
    """Whether an error that occurred in reading comes from what was read, not from the machine.

    The decompressors raise OSError without a number, and seeking to a place before the file's
    beginning is invalid.
    """
    return not isinstance(error, OSError) or error.errno in (None, errno.EINVAL)


def _reject(file: _File) -> str:
    """Why a file is not even read; empty if it is."""
    source = file.source
    parts = _parts(source)
    if not parts:
        return "no name"
    if source.encode(errors="ignore").decode() != source:
        return "the name is not UTF-8"
    if ".." in parts or re.match(r"[/\\]|[A-Za-z]:", source):
        return "an absolute path, or one with '..'"
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return "a hidden file or folder"
    name = parts[-1]
    if os.path.splitext(name)[1].lower() not in EXTENSIONS:
        return "not an image by its extension"
    if len(name.encode()) > MAX_NAME_BYTES or _UNSAFE.search(name) or _WINDOWS.fullmatch(name):
        return "a name that not every file system can hold"
    if file.size > MAX_BYTES:
        return f"more than {MAX_BYTES // 2**20} MiB"
    return ""


def _is_bomb(size: int, packed: int) -> bool:
    return packed > 0 and size > max(RATIO_MATTERS_FROM, MAX_RATIO * packed)


def _parts(source: str) -> list[str]:
    return [part for part in source.replace("\\", "/").split("/") if part not in ("", ".")]


def _printable(source: str) -> str:
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
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from _in_zip(file, name)
        else:
            page = describe_page(head)
            if page is not None:
                raise UserError(f"{name} is not an archive but {page}")
            yield from _in_tar(file, name)


def _in_zip(file: BinaryIO, name: str) -> Iterator[_File]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        if not _is_damage(error):
            raise
        raise UserError(f"{name} is a zip that is cut off or damaged: {error}") from None
    with archive:
        for info in archive.infolist():
            # Not info.is_dir(), which fails where there is no name (Python 3.11).
            if info.filename.endswith("/"):
                continue
            regular = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
            reason = "encrypted" if info.flag_bits & 1 else ""
            yield _File(
                _name_in_zip(info),
                info.file_size,
                max(1, info.compress_size),
                partial(archive.open, info),
                reason if regular else _IRREGULAR,
            )


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """The name, its bytes read as UTF-8 also where the zip does not say that they are."""
    if info.flag_bits & 0x800:
        return info.filename
    return info.filename.encode("cp437").decode("utf-8", "surrogateescape")


def _in_tar(file: BinaryIO, name: str) -> Iterator[_File]:
    packed = os.fstat(file.fileno()).st_size
    try:
        archive = tarfile.open(fileobj=file, mode="r:*", encoding="utf-8")  # noqa: SIM115
    except tarfile.ReadError:
        raise UserError(
            f"{name} is no zip and no tar (plain, gzip, bzip2, xz), or broken at its beginning"
        ) from None
    with archive:
        while (member := archive.next()) is not None:
            # Else the headers of all members stay in memory.
            archive.members.clear()  # type: ignore[attr-defined]
            if member.isdir():
                continue
            if member.size < 0:
                raise tarfile.ReadError("negative size")
            open_ = partial(archive.extractfile, member)
            reason = "" if member.isreg() else _IRREGULAR
            yield _File(member.name, member.size, packed, open_, reason)
        # The end is marked by a block of zeros; tarfile takes damage for the end too.
        assert archive.fileobj is not None
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("no end mark")
