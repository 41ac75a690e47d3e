"""The photos that a user names: files, folders, patterns, zips and tars."""

from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path

from agegender.common.errors import UserError
from agegender.download.archive import PACKED, FoundFile, count_files, printable, read_files


def expand(paths: Iterable[str]) -> list[Path]:
    """The files and folders that ``paths`` name.

    Args:
        paths: of files; of folders, with all below them; of zips and tars; or patterns such as
            ``photos/*.jpg``, for shells that do not expand them.
    """
    return [path for given in paths for path in _expand(given)]


def count_photos(paths: Iterable[Path]) -> int:
    """How many files `read_photos` will give; those of an archive count as one."""
    return sum(count_files(path) if path.is_dir() else 1 for path in paths)


def read_photos(paths: Iterable[Path]) -> Iterator[FoundFile]:
    """Each photo of ``paths``, see `expand`, read one at a time; what cannot be read says why."""
    for path in paths:
        if path.is_dir() or path.suffix.lower().removeprefix(".") in PACKED:
            yield from _read_several(path)
        else:
            yield _read_file(path)


def _expand(given: str) -> list[Path]:
    # A name may hold brackets without being a pattern.
    if Path(given).exists():
        return [Path(given)]
    return [Path(each) for each in sorted(glob(given, recursive=True))] or [Path(given)]


def _read_several(path: Path) -> Iterator[FoundFile]:
    try:
        for file in read_files(path):
            yield FoundFile(printable(f"{path}/{file.source}"), file.content, file.reason)
    except UserError as error:
        yield FoundFile(printable(str(path)), b"", printable(str(error)))
    except OSError as error:
        yield FoundFile(printable(str(path)), b"", error.strerror or str(error))


def _read_file(path: Path) -> FoundFile:
    name = printable(str(path))
    try:
        return FoundFile(name, path.read_bytes(), "")
    except FileNotFoundError:
        return FoundFile(name, b"", "there is no such file")
    except OSError as error:
        return FoundFile(name, b"", error.strerror or str(error))
