"""Photos from wherever the user says that they are."""

import re
from pathlib import Path

from agegender.common.errors import UserError
from agegender.common.resumable import resumable_folder
from agegender.download import google_drive
from agegender.download.archive import unpack
from agegender.download.fetch import check_sha256, fetch, shown
from agegender.download.manifest import Entries

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def gather(
    source: str, folder: Path, base: Path, downloads: Path, sha256: str | None = None
) -> Entries:
    """Put the photos of ``source`` into ``folder``, flat, and list every file that came in.

    Args:
        source: ``utkface``, or a path or http(s) address of a folder, zip or tar; see `unpack`.
        folder: empty; where the photos go.
        base: where relative paths begin.
        downloads: where unfinished downloads wait for the next run.
        sha256: of the archive, where it is known.

    Raises:
        UserError: ``source`` is not to be had, or is something else than photos.
    """
    if source != "utkface" and not is_address(source):
        path = local_path(source, base)
        if folder.resolve().is_relative_to(path.resolve()):
            raise UserError(f"{path} contains the folder that the photos go to; be more precise")
        if sha256 is not None:
            if path.is_dir():
                raise UserError(f"{path} is a folder; a sha256 can be that of an archive only")
            check_sha256(path, sha256, str(path))
        return unpack(path, folder)

    with resumable_folder(downloads, source) as place:
        archive = _download(source, place, sha256)
        try:
            return unpack(archive, folder, source if source == "utkface" else shown(source))
        except UserError:
            # It would be no better the next time.
            archive.unlink()
            raise


def is_address(source: str) -> bool:
    """Whether ``source`` is an http(s) address.

    Raises:
        UserError: it is an address of another kind.
    """
    scheme = _SCHEME.match(source)
    if scheme is None:
        return False
    if scheme[1].lower() not in ("http", "https"):
        raise UserError(f"{source}: only http and https addresses can be fetched, and paths")
    return True


def local_path(source: str, base: Path) -> Path:
    """The existing file or folder at ``source``; ``~`` is the user's home.

    Raises:
        UserError: there is none.
    """
    try:
        path = base / Path(source).expanduser()
        if path.is_dir() or path.is_file():
            return path
    except RuntimeError:
        raise UserError(f"'{source}' begins with a user who does not exist") from None
    raise UserError(f"there is no file or folder {path}")


def _download(source: str, place: Path, sha256: str | None) -> Path:
    if source == "utkface":
        file_id: str | None = google_drive.UTKFACE_ID
        name, page = "UTKFace.tar.gz", google_drive.UTKFACE_PAGE
    else:
        name = page = shown(source)
        file_id = google_drive.drive_id(source)
    if file_id is None:
        return fetch(source, place, sha256)
    archive = google_drive.fetch_shared(file_id, place, name, page)
    if sha256 is not None:
        try:
            check_sha256(archive, sha256, name)
        except UserError:
            archive.unlink()
            raise
    return archive
