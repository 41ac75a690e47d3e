"""The list of all files that came in, with their labels, or why they are rejected."""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from agegender.common.errors import DamagedFileError, UserError

MANIFEST = "manifest.csv"


class Entry(NamedTuple):
    """A file that came in, or a row of a label table that no file belongs to.

    ``file`` is its name in the folder, empty if it was not kept; ``source`` its path where it
    came from; ``bytes`` its size; ``reason`` why it is rejected, empty if it is not; ``labels``
    what is known of it, by name: ``age`` in years, ``gender`` as in `agegender.photos.labels`, and
    whatever else. A row has no source; ``file`` says where it stands.
    """

    file: str
    source: str
    bytes: int
    sha256: str
    reason: str
    labels: Mapping[str, str] = {}

    @property
    def is_row(self) -> bool:
        """Whether this is a row, not a file."""
        return bool(self.file) and not self.source

    def rejected(self, reason: str) -> "Entry":
        """This file without a name and labels, since it is not kept."""
        return self._replace(file="", reason=reason, labels={})


_FIELDS = Entry._fields[:-1]


def write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    """Write ``entries``, in their order, to the manifest of ``folder``.

    Each label is a column, empty where it is not known.
    """
    entries = list(entries)
    labels = list(dict.fromkeys(chain(("age", "gender"), *(entry.labels for entry in entries))))
    with (folder / MANIFEST).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_FIELDS, *labels])
        for *fields, known in entries:
            writer.writerow([*fields, *(known.get(label, "") for label in labels)])


def read_manifest(folder: Path) -> Iterator[Entry]:
    """The entries of the manifest of ``folder``, one at a time.

    Raises:
        DamagedFileError: the manifest is missing or something else.
    """
    path = folder / MANIFEST
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            if tuple(header[: len(_FIELDS)]) != _FIELDS:
                raise ValueError("header")
            for name, source, size, digest, reason, *values in rows:
                pairs = zip(header[len(_FIELDS) :], values, strict=True)
                labels = {label: value for label, value in pairs if value}
                yield Entry(name, source, int(size), digest, reason, labels)
    except FileNotFoundError:
        raise DamagedFileError(path, "is missing") from None
    except (ValueError, csv.Error):
        problem = f"is damaged: it is no list of files ({','.join(_FIELDS)}, ...)"
        raise DamagedFileError(path, problem) from None


def refuse_other_files(folder: Path, known: Collection[str]) -> None:
    """Make sure that nothing is lost if ``folder`` is replaced: all in it is what was written.

    Raises:
        UserError: something in it is not ``known``, nor in its manifest with the size it has.
    """
    if not folder.is_dir():
        return
    try:
        listed = {entry.file: entry.bytes for entry in read_manifest(folder)}
    except DamagedFileError:
        listed = {}
    for path in sorted(folder.iterdir()):
        written = path.is_file() and listed.get(path.name) == path.stat().st_size
        if not written and path.name not in known:
            raise UserError(
                f"{path} is not as the pipeline wrote it and would be lost; move it, and what "
                f"else is yours, out of {folder}"
            )
