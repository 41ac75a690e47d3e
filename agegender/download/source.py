"""Photos from wherever the user says that they are."""

from pathlib import Path

from agegender.common.errors import UserError
from agegender.common.files import sha256 as sha256_of
from agegender.common.resumable import resumable_folder
from agegender.download.archive import survey, unpack
from agegender.download.fetch import fetch, redact_url
from agegender.download.labeling import label_by_names, label_by_tables
from agegender.download.manifest import Entry
from agegender.download.paths import SCHEME, local_path
from agegender.download.tables import choose_tables, is_table, read_table

# The archive 'Aligned&Cropped Faces' that the data set's page links to.
UTKFACE = "https://drive.google.com/uc?id=0BxYys69jI14kYVM3aVhKS1VhRUk"
UTKFACE_NAME = "UTKFace.tar.gz of https://susanqq.github.io/UTKFace"


def fetch_photos(
    source: str,
    folder: Path,
    base: Path,
    downloads: Path,
    sha256: str | None = None,
    table: Path | None = None,
) -> list[Entry]:
    """Put the photos of ``source`` into ``folder``, flat, and list every file, with its labels.

    Args:
        source: ``utkface``, or a path or http(s) address of a folder, zip or tar; see `unpack`.
        folder: empty; where the photos go.
        base: where relative paths begin.
        downloads: where unfinished downloads wait for the next run.
        sha256: of the archive, where it is known.
        table: of the labels; by default those in ``source``, or else the files' names.

    Raises:
        UserError: ``source`` cannot be had, or is something else than photos with labels.
    """
    if source != "utkface" and not SCHEME.match(source):
        path = local_path(source, base)
        if folder.resolve().is_relative_to(path.resolve()):
            raise UserError(f"{path} contains the folder that the photos go to; be more precise")
        return _unpack(path, folder, str(path), sha256, table)
    address = UTKFACE if source == "utkface" else source
    name = UTKFACE_NAME if source == "utkface" else redact_url(source)
    if not address.lower().startswith(("http://", "https://")):
        raise UserError(f"{name}: only http and https addresses can be fetched, and paths")
    with resumable_folder(downloads, source) as place:
        archive = fetch(address, place, name)
        try:
            return _unpack(archive, folder, name, sha256, table)
        except UserError:
            # It would be no better the next time.
            archive.unlink()
            raise


def plan(source: Path, name: str, table: Path | None = None) -> list[Entry]:
    """What becomes of each file of ``source``, as far as that shows without reading the photos.

    Args:
        source: a folder, a zip or a tar.
        name: of ``source``, for messages.
        table: see `fetch_photos`.

    Returns:
        every file with its labels or the reason why it is rejected, and rows of label tables that
        are of no use.

    Raises:
        UserError: ``source`` cannot be read, or leaves no photo with labels.
    """
    entries, found = survey(source, name, is_table)
    if table is not None:
        found = {table.name: table.read_bytes()}
    if found:
        tables = {path: read_table(path, found[path]) for path in choose_tables(found)}
        planned = label_by_tables(entries, tables, source)
    else:
        planned = label_by_names(entries)
    if all(entry.reason for entry in planned):
        images = [entry for entry, found in zip(planned, entries, strict=False) if found.file]
        rows = planned[len(entries) :]
        first = [each[0] for each in (images, rows) if each]
        examples = [f"{entry.source or entry.file}: {entry.reason}" for entry in first]
        raise UserError(f"{name} leaves no usable photo of {len(images)}; {'; '.join(examples)}")
    return planned


def _unpack(
    archive: Path, folder: Path, name: str, sha256: str | None, table: Path | None
) -> list[Entry]:
    if sha256 is not None:
        if archive.is_dir():
            raise UserError(f"{name} is a folder; a sha256 can be that of an archive only")
        found = sha256_of(archive)
        if found != sha256:
            raise UserError(
                f"{name} has the sha256 {found}, not {sha256}: it was damaged on the way or is "
                "another file; fetch it again or correct the sha256"
            )
    planned = plan(archive, name, table)
    unpacked = unpack(archive, folder, name, {entry.source: entry for entry in planned})
    known = {entry.source for entry in unpacked}
    return unpacked + [entry for entry in planned if entry.is_row or entry.source not in known]
