"""Photos from wherever the user says that they are."""

import os
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from agegender.common.errors import UserError
from agegender.common.files import sha256 as sha256_of
from agegender.common.resumable import resumable_folder
from agegender.download.archive import unpack
from agegender.download.fetch import fetch, redact_url
from agegender.download.manifest import Entry

# The archive 'Aligned&Cropped Faces' that the data set's page links to.
UTKFACE = "https://drive.google.com/uc?id=0BxYys69jI14kYVM3aVhKS1VhRUk"
UTKFACE_NAME = "UTKFace.tar.gz of https://susanqq.github.io/UTKFace"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def fetch_photos(
    source: str, folder: Path, base: Path, downloads: Path, sha256: str | None = None
) -> list[Entry]:
    """Put the photos of ``source`` into ``folder``, flat, and list every file that came in.

    Args:
        source: ``utkface``, or a path or http(s) address of a folder, zip or tar; see `unpack`.
        folder: empty; where the photos go.
        base: where relative paths begin.
        downloads: where unfinished downloads wait for the next run.
        sha256: of the archive, where it is known.

    Raises:
        UserError: ``source`` cannot be had, or is something else than photos.
    """
    scheme = _SCHEME.match(source)
    if source == "utkface":
        address, name = UTKFACE, UTKFACE_NAME
    elif scheme is not None:
        address, name = source, redact_url(source)
        if scheme[1].lower() not in ("http", "https"):
            raise UserError(f"{name}: only http and https addresses can be fetched, and paths")
    else:
        path = local_path(source, base)
        if folder.resolve().is_relative_to(path.resolve()):
            raise UserError(f"{path} contains the folder that the photos go to; be more precise")
        return _unpack(path, folder, str(path), sha256)
    with resumable_folder(downloads, source) as place:
        archive = fetch(address, place, name)
        try:
            return _unpack(archive, folder, name, sha256)
        except UserError:
            # It would be no better the next time.
            archive.unlink()
            raise


def _unpack(archive: Path, folder: Path, name: str, sha256: str | None) -> list[Entry]:
    if sha256 is not None:
        if archive.is_dir():
            raise UserError(f"{name} is a folder; a sha256 can be that of an archive only")
        found = sha256_of(archive)
        if found != sha256:
            raise UserError(
                f"{name} has the sha256 {found}, not {sha256}: it was damaged on the way or is "
                "another file; fetch it again or correct the sha256"
            )
    return unpack(archive, folder, name)


def local_path(source: str, base: Path) -> Path:
    """The existing file or folder at ``source``; ``~`` is the user's home.

    Raises:
        UserError: there is none.
    """
    path = base / os.path.expanduser(source)
    if not path.is_dir() and not path.is_file():
        raise UserError(f"there is no file or folder {path}")
    return path


def refuse_written(source: str, base: Path, written: Collection[Path]) -> None:
    """Make sure that ``source``, if it is a path, is safe from whoever clears ``written``.

    Args:
        source: of photos or weights, as the user gave it.
        base: where relative paths begin.
        written: files and folders that the pipeline writes.

    Raises:
        UserError: ``source``, or what it links to, lies in one of them or contains one.
    """
    if _SCHEME.match(source):
        return
    given = Path(os.path.abspath(base / os.path.expanduser(source)))
    with suppress(ValueError):  # a null character is in no path
        for path in (given, given.resolve()):
            for output in written:
                inside = any(_same(parent, output) for parent in (path, *path.parents))
                if inside or any(_same(parent, path) for parent in output.absolute().parents):
                    raise UserError(
                        f"{source} {'lies in' if inside else 'contains'} {output}, which the "
                        "pipeline clears up; move your files elsewhere"
                    )


def _same(first: Path, second: Path) -> bool:
    # By what they are, not by name: file systems may ignore case, and be mounted twice.
    try:
        return first.samefile(second)
    except OSError:
        return False
