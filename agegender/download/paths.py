"""Paths that the user gives."""

import os
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from agegender.common.errors import UserError

# How addresses begin, which are no paths.
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def local_path(source: str, base: Path) -> Path:
    """The existing file or folder at ``source``; ``~`` is the user's home.

    Raises:
        UserError: there is none.
    """
    path = base / os.path.expanduser(source)
    if not path.is_dir() and not path.is_file():
        raise UserError(f"there is no file or folder {path}")
    return path


def local_file(path: str, base: Path) -> Path:
    """As `local_path`, of a file alone."""
    found = local_path(path, base)
    if found.is_dir():
        raise UserError(f"{found} is a folder; give a file in it")
    return found


def refuse_written(source: str, base: Path, written: Collection[Path]) -> None:
    """Make sure that ``source``, if it is a path, is safe from whoever clears ``written``.

    Args:
        source: of photos or weights, as the user gave it.
        base: where relative paths begin.
        written: files and folders that the pipeline writes.

    Raises:
        UserError: ``source``, or what it links to, lies in one of them or contains one.
    """
    if SCHEME.match(source):
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
