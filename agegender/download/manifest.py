"""The list of all files that came in, kept or not."""

import csv
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from agegender.common.errors import UserError

MANIFEST = "manifest.csv"


class Entry(NamedTuple):
    """A file that came in.

    ``file`` is its name in the folder, empty if it was not kept; ``source`` its path where it
    came from; ``bytes`` its size; ``reason`` why it was not kept, empty if it was.
    """

    file: str
    source: str
    bytes: int
    sha256: str
    reason: str


class Entries:
    """Entries in the order of where they came from, with the name that each is kept under.

    They lie in a file of SQLite's, which vanishes with this object: a list of them would take half
    a kilobyte an image.
    """

    def __init__(self) -> None:
        """Begin with none."""
        # An empty name asks for a temporary file, of which 2 MB at most are held in memory.
        self._files = sqlite3.connect("")
        columns = "file TEXT, source TEXT, bytes INTEGER, sha256 TEXT, reason TEXT"
        self._files.execute(f"CREATE TABLE entries ({columns}, kept TEXT UNIQUE)")

    def add(self, entry: Entry, kept: str | None = None) -> None:
        """Add an entry; ``kept`` is the name, in whatever form, that no second one may have."""
        self._files.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", (*entry, kept))

    def kept(self, name: str) -> Entry | None:
        """The entry that was added with this name."""
        return next(self._select("WHERE kept = ?", name), None)

    def __len__(self) -> int:
        (count,) = self._files.execute("SELECT count(*) FROM entries").fetchone()
        return int(count)

    def __iter__(self) -> Iterator[Entry]:
        return self._select("ORDER BY source, file, reason")

    def _select(self, which: str, *values: str) -> Iterator[Entry]:
        rows = self._files.execute(
            f"SELECT {', '.join(Entry._fields)} FROM entries {which}", values
        )
        return map(Entry._make, rows)


def write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    """Write ``entries``, in their order, to the manifest of ``folder``."""
    with (folder / MANIFEST).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Entry._fields)
        writer.writerows(entries)


def read_manifest(folder: Path) -> Iterator[Entry]:
    """The entries of the manifest of ``folder``, one at a time.

    Raises:
        UserError: the manifest is something else.
    """
    path = folder / MANIFEST
    with path.open(encoding="utf-8", newline="") as file:
        try:
            rows = csv.reader(file)
            if tuple(next(rows, ())) != Entry._fields:
                raise ValueError("header")
            for name, source, size, digest, reason in rows:
                yield Entry(name, source, int(size), digest, reason)
        except (ValueError, csv.Error):
            raise UserError(
                f"{path} is not a list of files ({','.join(Entry._fields)}); "
                "make it anew with `dvc repro download`"
            ) from None
