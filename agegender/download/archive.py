"""From an archive or a folder of photos to one flat folder.

What happens to a file that comes in is decided by these rules; the first that applies counts.
Folders as such are no files.

Refused without being read:

1. a link, a device, a pipe or a socket (in a folder, a link to a regular file is followed);
2. an encrypted file;
3. a path that is not UTF-8 (a zip's names are UTF-8 even if it does not say so), is absolute or
   contains ``..``; a backslash parts folders as well;
4. hidden files, those in hidden folders, and those in ``__MACOSX``;
5. archives within the archive, and all that is no image by its extension (``EXTENSIONS``);
6. names that some file system cannot hold: more than 200 bytes, control characters, any of
   ``< > : " | ? *``, a name reserved by Windows;
7. more than 64 MiB;
8. more than 1 MiB and a hundred times the packed size (in a compressed tar, the size of the whole
   archive), also when added to all that has been kept so far and compared with the whole archive.

Refused when read:

9. damaged by the archive's own checksum, or packed in a way that cannot be unpacked;
10. a second file of the same name, in whatever folder and in whatever case; kept is the first one
    in the order of the archive, or of a folder's sorted names.

All else is kept under its name, without its folders. Whether it really is a photo is decided later.
An archive that is broken off is refused as a whole: nobody knows what is missing. Only file names
made by these rules are ever opened for writing.
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

from agegender.common.console import track
from agegender.common.errors import UserError
from agegender.common.files import sha256
from agegender.download.manifest import Entries, Entry
from agegender.download.web_page import describe_page

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".heic", ".heif", ".avif"),
)
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".tbz2", ".bz2", ".txz", ".xz", ".zst", ".7z", ".rar")
MAX_BYTES = 64 * 2**20
MAX_NAME_BYTES = 200
MAX_ENTRIES = 1_000_000
# JPEGs hardly shrink at all; only pictures without content come near this.
MAX_RATIO = 100
RATIO_MATTERS_FROM = 2**20

_CHUNK = 2**20
_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
)


@dataclass(frozen=True)
class _Incoming:
    """A file before it is judged.

    Attributes:
        source: its path where it comes from.
        size: bytes.
        packed: bytes in the archive, as far as that is known; 0 in a folder.
        open: makes its content readable.
        refusal: why it is refused, if its kind is the reason.
        alone: whether damage in it leaves the files behind it as they are.
    """

    source: str
    size: int
    packed: int
    open: Callable[[], IO[bytes]]
    refusal: str = ""
    alone: bool = True


def unpack(source: Path, folder: Path, name: str | None = None) -> Entries:
    """Put the photos of ``source`` into ``folder``, flat.

    Args:
        source: a folder, a zip or a tar, compressed by gzip, bzip2, xz or not at all; the content
            counts, not the extension.
        folder: empty; where the photos go.
        name: of ``source``, for messages; by default its path.

    Returns:
        every file that came in, kept or not, sorted by where it came from.

    Raises:
        UserError: ``source`` is something else, is broken off, or holds no image.
    """
    name = name or str(source)
    if source.is_dir():
        incoming, packed = _walk(source, ""), 0
    else:
        incoming, packed = _in_archive(source, name), source.stat().st_size
    unpacking = _Unpacking(folder, packed)
    try:
        reading = track(incoming, None, f"reading {PurePosixPath(name).name or name}", "files")
        for number, file in enumerate(reading, start=1):
            unpacking.take(file)
            if number > MAX_ENTRIES:
                raise UserError(f"{name} holds more than {MAX_ENTRIES:,} files")
    except (*_DAMAGED, OSError) as error:
        if not _is_damage(error):
            raise
        raise UserError(
            f"{name} is broken off or damaged after {len(unpacking.entries)} files; "
            "fetch it again, or unpack it and give the folder"
        ) from None
    entries = unpacking.entries
    if not any(entry.file for entry in entries):
        first = next(iter(entries), None)
        example = f", such as '{first.source}': {first.reason}" if first else ""
        raise UserError(f"{name} holds no image; {len(entries)} other files{example}")
    return entries


def list_files(folder: Path) -> Entries:
    """The entries of a flat folder all of whose files are kept, sorted by name."""
    entries = Entries()
    with os.scandir(folder) as files:
        for file in files:
            size = file.stat().st_size
            entries.add(Entry(file.name, file.name, size, sha256(Path(file.path)), ""))
    return entries


class _Unpacking:
    """Judges one file after the other and writes those that are kept."""

    def __init__(self, folder: Path, packed: int) -> None:
        self.entries = Entries()
        self._folder = folder
        self._packed = packed
        self._kept_bytes = 0

    def take(self, file: _Incoming) -> None:
        source = _printable(file.source)
        reason = file.refusal or _refuse(file) or self._refuse_in_all(file.size)
        if reason:
            self.entries.add(Entry("", source, file.size, "", reason))
            return
        name = _parts(file.source)[-1]
        # macOS and Windows take names for the same that differ in case or in normal form.
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        first = self.entries.kept(key)
        try:
            size, digest = _copy(file, None if first else self._folder / name)
        except (*_DAMAGED, OSError) as error:
            if not (file.alone and _is_damage(error)):
                raise
            # The name is free again for a later file.
            if not first:
                (self._folder / name).unlink(missing_ok=True)
            self.entries.add(
                Entry("", source, file.size, "", "damaged, or packed in an unknown way")
            )
            return
        if first:
            same = "the same" if first.sha256 == digest else "another"
            reason = f"the same name as {first.source}, and {same} content"
            self.entries.add(Entry("", source, size, digest, reason))
        else:
            self.entries.add(Entry(name, source, size, digest, ""), key)
            self._kept_bytes += size

    def _refuse_in_all(self, size: int) -> str:
        if self._packed and _is_bomb(self._kept_bytes + size, self._packed):
            return f"the archive grows more than {MAX_RATIO}-fold"
        return ""


def _is_damage(error: Exception) -> bool:
    """Whether an error that occurred in reading comes from what was read, not from the machine.

    The decompressors raise OSError without a number, and seeking to a place before the file's
    beginning is invalid.
    """
    return not isinstance(error, OSError) or error.errno in (None, errno.EINVAL)


def _refuse(file: _Incoming) -> str:
    """Why a file is not even read; empty if it is."""
    source = file.source
    if not _is_utf8(source):
        return "the name is not UTF-8"
    if source.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", source):
        return "an absolute path"
    if ".." in source.replace("\\", "/").split("/"):
        return "a path with '..'"
    parts = _parts(source)
    if not parts:
        return "no name"
    if "__MACOSX" in parts:
        return "macOS metadata"
    if any(part.startswith(".") for part in parts):
        return "a hidden file or folder"
    name = parts[-1]
    extension = os.path.splitext(name)[1].lower()
    if extension in ARCHIVES:
        return "an archive within the archive"
    if extension not in EXTENSIONS:
        return "not an image by its extension"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"a name of more than {MAX_NAME_BYTES} bytes"
    if _UNSAFE.search(name) or _WINDOWS.fullmatch(name):
        return "a name that not every file system can hold"
    if file.size > MAX_BYTES:
        return f"more than {MAX_BYTES // 2**20} MiB"
    if file.packed and _is_bomb(file.size, file.packed):
        return f"grows more than {MAX_RATIO}-fold"
    return ""


def _is_bomb(size: int, packed: int) -> bool:
    return size > max(RATIO_MATTERS_FROM, MAX_RATIO * packed)


def _parts(source: str) -> list[str]:
    return [part for part in source.replace("\\", "/").split("/") if part not in ("", ".")]


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(source: str) -> str:
    """``source`` in one line of UTF-8, whatever is in it."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in source
    )


def _copy(file: _Incoming, target: Path | None) -> tuple[int, str]:
    """Read a file, write it to ``target`` if there is one, and return its size and sha256."""
    digest, size = hashlib.sha256(), 0
    with file.open() as stream, open(target or os.devnull, "xb" if target else "wb") as output:
        # A file that grows while it is read is cut at the size that was judged.
        while chunk := stream.read(min(_CHUNK, file.size - size)):
            output.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        if size != file.size:
            raise EOFError
    return size, digest.hexdigest()


def _walk(folder: Path, prefix: str) -> Iterator[_Incoming]:
    """The files below ``folder`` in the order of their paths; links to folders are not followed."""
    with os.scandir(folder) as listing:
        children = sorted(listing, key=lambda child: child.name)
    for child in children:
        path = f"{prefix}{child.name}"
        if child.is_dir(follow_symlinks=False):
            yield from _walk(Path(child.path), f"{path}/")
        elif child.is_file():
            yield _Incoming(path, child.stat().st_size, 0, partial(_open_file, child.path))
        else:
            kind = "a link to a folder or to nothing" if child.is_symlink() else "a device or pipe"
            yield _Incoming(path, 0, 0, partial(_open_file, os.devnull), kind)


def _open_file(path: str) -> BinaryIO:
    return open(path, "rb")


def _in_archive(source: Path, name: str) -> Iterator[_Incoming]:
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


def _in_zip(file: BinaryIO, name: str) -> Iterator[_Incoming]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        if not _is_damage(error):
            raise
        raise UserError(f"{name} is a zip that is broken off or damaged: {error}") from None
    with archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            refusal = ""
            if stat.S_ISLNK(kind):
                refusal = "a link"
            elif kind not in (0, stat.S_IFREG):
                refusal = "a device or pipe"
            elif info.flag_bits & 1:
                refusal = "encrypted"
            yield _Incoming(
                _name_in_zip(info),
                info.file_size,
                max(1, info.compress_size),
                partial(archive.open, info),
                refusal,
            )


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """The name, its bytes read as UTF-8 also where the zip does not say that they are."""
    if info.flag_bits & 0x800:
        return info.filename
    return info.filename.encode("cp437").decode("utf-8", "surrogateescape")


def _in_tar(file: BinaryIO, name: str) -> Iterator[_Incoming]:
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
            refusal = ""
            if member.issym() or member.islnk():
                refusal = "a link"
            elif not member.isreg():
                refusal = "a device or pipe"
            yield _Incoming(
                member.name,
                member.size,
                packed,
                partial(_open_member, archive, member),
                refusal,
                alone=False,
            )
        _check_end(archive)


def _open_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    assert stream is not None, "asked for regular files only"
    return stream


def _check_end(archive: tarfile.TarFile) -> None:
    """Tell the end mark, a block of zeros, from damage, which tarfile takes for the end too."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("no end mark")
