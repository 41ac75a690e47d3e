"""Labels for the files of a source: from label tables, or else from the files' names."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from posixpath import dirname, normpath

from agegender.download import names
from agegender.download.archive import MAX_NAME_BYTES, UNSAFE
from agegender.download.manifest import Entry
from agegender.download.tables import Row, Table


def label_by_names(entries: Iterable[Entry]) -> list[Entry]:
    """``entries`` with the labels in their files' names, or the reason why there are none."""
    labeled = []
    for entry in entries:
        labels = {} if entry.reason else names.parse(entry.file)
        if isinstance(labels, str):
            labeled.append(entry._replace(reason=labels))
        else:
            labeled.append(entry._replace(labels=labels))
    return labeled


def label_by_tables(
    entries: Sequence[Entry], tables: Mapping[str, Table], source: Path
) -> list[Entry]:
    """``entries`` with the labels in ``tables``, or the reason why there are none.

    A row's path is relative to its table, else absolute or the end of one file's path. A file is
    named by the path in its row, with ``_`` between the folders.

    Args:
        entries: of all files, see `agegender.download.archive.survey`.
        tables: by their paths; those that are not in the source have no folder.
        source: the folder or archive.

    Returns:
        every file once, then each table that is not in the source, each row of no file, and each
        row that repeats another.
    """
    numbers = _numbers_by_path(entries, source.resolve())
    rows_of: dict[int, list[Row]] = defaultdict(list)
    known = {entry.source for entry in entries}
    rest = [
        Entry("", path, 0, "", table.description)
        for path, table in tables.items()
        if path not in known
    ]
    for table_path, table in tables.items():
        for row in table.rows:
            file, found = _find(row, dirname(table_path), numbers)
            if len(found) == 1:
                rows_of[found[0]].append(row._replace(files=[file]))
                continue
            reason = row.reason or f"there is no file '{file}'"
            if found:
                reason = f"{len(found)} files whose paths end with '{file}'; give more of the path"
            rest.append(_unused(row, reason))
    labeled = []
    for number, entry in enumerate(entries):
        rows = rows_of[number]
        if entry.source in tables:
            entry = entry._replace(reason=tables[entry.source].description)
        elif not entry.reason and not rows:
            entry = entry._replace(reason=f"no row in {' or '.join(tables)}")
        elif not entry.reason:
            entry = _labeled(entry, rows)
            if not entry.reason:
                rest += [_unused(row, f"the same as {rows[0].where}") for row in rows[1:]]
        labeled.append(entry)
    return labeled + rest


def _numbers_by_path(entries: Sequence[Entry], source: Path) -> dict[str, list[int]]:
    """The numbers of the files that a path may mean: one in ``source``, after ``/``, or an end."""
    folder = source if source.is_dir() else source.with_suffix("")
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, entry in enumerate(entries):
        path = _normalized(entry.source)
        numbers[f"/{path}"].append(number)
        parts = [*folder.parts[1:], *path.split("/")]
        for start in range(len(parts)):
            numbers["/".join(parts[start:])].append(number)
    return numbers


def _find(row: Row, folder: str, numbers: Mapping[str, list[int]]) -> tuple[str, list[int]]:
    """The path in ``row`` that names a file, and the numbers of the files that it may name."""
    for file in row.files:
        path = _normalized(file).lstrip("/")
        relative = normpath(f"{folder}/{path}").lstrip("/")
        for candidate in (f"/{relative}", relative, path):
            if candidate in numbers:
                return file, numbers[candidate]
    return row.files[0], []


def _unused(row: Row, reason: str) -> Entry:
    return Entry(row.where, "", 0, "", reason)


def _labeled(entry: Entry, rows: Sequence[Row]) -> Entry:
    """``entry`` with the labels in its rows, if they agree."""
    first = rows[0]
    if any((row.labels, row.reason) != (first.labels, first.reason) for row in rows):
        places = " and ".join(row.where for row in rows)
        return entry._replace(reason=f"rows with different labels: {places}")
    if first.reason:
        return entry._replace(reason=f"{first.reason} ({first.where})")
    (file,) = first.files
    path = entry.source if PurePath(file).is_absolute() else file
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    name = UNSAFE.sub("_", "_".join(parts))
    if len(name.encode()) > MAX_NAME_BYTES:
        return entry._replace(reason="a path that is too long for a name")
    return entry._replace(file=name, labels={**names.parse_agedb(entry.file), **first.labels})


def _normalized(path: str) -> str:
    return normpath(path.replace("\\", "/"))
