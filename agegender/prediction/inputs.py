"""The photos that a user names: files, folders, patterns, zips and tars."""

from collections.abc import Iterable, Iterator, Mapping
from glob import glob
from pathlib import Path

from agegender.common.errors import UserError
from agegender.download.archive import (
    KNOWN_ENDING,
    NO_IMAGE,
    PACKED,
    FoundFile,
    list_folder,
    printable,
    read_file,
    read_files,
)

MISSING = "there is no such file or folder"


def expand(given: str) -> list[Path]:
    """The files and folders that a path or a pattern such as ``photos/*.jpg`` names, if any."""
    # A name may hold brackets without being a pattern.
    if Path(given).exists():
        return [Path(given)]
    return [Path(each) for each in sorted(glob(given, recursive=True))]


def list_photos(given: Iterable[str]) -> tuple[dict[Path, str], int]:
    """The photos and archives that paths and patterns name, each once, by its path.

    Below folders, and of what matches a pattern, those that are no photos by their ending are
    skipped. A file that is named by its own path is never skipped.

    Returns:
        of each path the reason why it is not read, or an empty string; and how many were skipped.
    """
    found: dict[Path, tuple[Path, str]] = {}
    skipped = set()
    for each in given:
        paths = expand(each)
        if not paths:
            found[Path(each)] = (Path(each), MISSING)
        for path in paths:
            if path.is_dir():
                files = list(list_folder(path))
            else:
                known = path == Path(each) or KNOWN_ENDING.search(path.name)
                files = [(path, "" if known else NO_IMAGE)]
            for file, reason in files:
                if reason == NO_IMAGE:
                    skipped.add(file.resolve())
                    continue
                # A folder gives a reason for an archive in it, which is read where it is named.
                first, earlier = found.get(file.resolve(), (file, reason))
                found[file.resolve()] = (first, earlier and reason)
    return dict(found.values()), len(skipped - found.keys())


def read_photos(files: Mapping[Path, str]) -> Iterator[FoundFile]:
    """Each photo of ``files``, see `list_photos`, read one at a time; or why it cannot be read."""
    for path, reason in files.items():
        name = printable(str(path))
        try:
            if reason:
                yield FoundFile(name, b"", reason)
            elif path.suffix.lower().removeprefix(".") in PACKED:
                for file in read_files(path):
                    yield file._replace(source=f"{name}/{file.source}")
            else:
                yield read_file(path)
        except UserError as error:
            yield FoundFile(name, b"", printable(str(error)))
        except OSError as error:
            yield FoundFile(name, b"", error.strerror or str(error))
