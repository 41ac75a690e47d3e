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

    A row's path is relative to its table, absolute, or the end of one file's path. A file is named
    by the path in its row, with ``_`` between the folders.

    Args:
        entries: of all files, see `agegender.download.archive.survey`.
        tables: by their paths; those that are not in the source have no folder.
        source: the folder or archive.

    Returns:
        every file once, then each table that is not in the source, each row of no file, and each
        row that repeats another.
    """
    source = source.resolve()
    paths = _paths(entries, source if source.is_dir() else source.with_suffix(""))
    rows_of: dict[int, list[tuple[str, Row]]] = defaultdict(list)
    known = {entry.source for entry in entries}
    loose = [
        Entry("", path, 0, "", table.description)
        for path, table in tables.items()
        if path not in known
    ]
    for table_path, table in tables.items():
        for row in table.rows:
            file, found = _find(row, dirname(table_path), paths)
            if len(found) == 1:
                rows_of[found[0]].append((file, row))
            else:
                several = f"{len(found)} files whose paths end with '{file}'; give more of the path"
                reason = several if found else f"there is no file '{file}'"
                loose.append(Entry(row.where, row.where, 0, "", reason))
    labeled = []
    for number, entry in enumerate(entries):
        if entry.source in tables:
            labeled.append(entry._replace(reason=tables[entry.source].description))
        elif entry.reason:
            labeled.append(entry)
        elif not rows_of[number]:
            labeled.append(entry._replace(reason=f"no row in {' or '.join(tables)}"))
        else:
            labeled.append(_labeled(entry, rows_of[number]))
            if not labeled[-1].reason:
                loose += [
                    Entry(row.where, row.where, 0, "", f"the same as {rows_of[number][0][1].where}")
                    for _, row in rows_of[number][1:]
                ]
    return labeled + loose


def _labeled(entry: Entry, rows: Sequence[tuple[str, Row]]) -> Entry:
    """``entry`` with the labels in its rows, if they agree."""
    (file, first), *others = rows
    if any(row.labels != first.labels or row.reason != first.reason for _, row in others):
        places = " and ".join(row.where for _, row in rows)
        return entry._replace(reason=f"rows with different labels: {places}")
    if first.reason:
        return entry._replace(reason=f"{first.reason} ({first.where})")
    path = entry.source if PurePath(file).is_absolute() else file
    parts = [part for part in _slashed(path).split("/") if part not in ("", ".", "..")]
    name = UNSAFE.sub("_", "_".join(parts))
    if len(name.encode()) > MAX_NAME_BYTES:
        return entry._replace(reason="a path that is too long for a name")
    return entry._replace(file=name, labels={**names.parse_agedb(entry.file), **first.labels})


def _paths(entries: Sequence[Entry], folder: Path) -> dict[str, list[int]]:
    """The numbers of the files whose path ends with a path, by that path."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, entry in enumerate(entries):
        parts = [*folder.parts[1:], *normpath(_slashed(entry.source)).split("/")]
        for start in range(len(parts)):
            found["/".join(parts[start:])].append(number)
    return found


def _find(row: Row, folder: str, paths: Mapping[str, list[int]]) -> tuple[str, list[int]]:
    """The path in ``row`` that names a file, and the numbers of the files that it may name."""
    for file in row.files:
        path = normpath(_slashed(file)).lstrip("/")
        for candidate in (normpath(f"{folder}/{path}").lstrip("/"), path):
            if candidate in paths:
                return file, paths[candidate]
    return row.files[0], []


def _slashed(path: str) -> str:
    return path.replace("\\", "/")
