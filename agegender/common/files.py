"""Files and folders: their SHA-256, and writing them whole or not at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agegender.common.errors import DamagedFileError


def sha256(path: Path) -> str:
    """The SHA-256 of the file ``path``, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_limited(path: Path, limit: int) -> bytes:
    """The content of a file from elsewhere, of at most ``limit`` bytes.

    Raises:
        DamagedFileError: it is missing, or larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        raise DamagedFileError(path, "is missing") from None
    if len(content) > limit:
        raise DamagedFileError(path, f"is too large: it may have {limit:,} bytes")
    return content


def verify_files(index: Path) -> None:
    """Compare files with what ``index``, a JSON file next to them, lists under ``sha256``.

    Raises:
        UserError: a file is missing or has another content, or the index is no such file.
    """
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))["sha256"]
        files = {index.with_name(name): digest for name, digest in listed.items()}
    except FileNotFoundError:
        raise DamagedFileError(index, "is missing") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedFileError(index, "is damaged") from None
    for file, digest in files.items():
        if not file.is_file():
            raise DamagedFileError(file, "is missing")
        if sha256(file) != digest:
            raise DamagedFileError(file, "is damaged")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as JSON for people; its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


@contextmanager
def atomic_write(path: Path, sync: bool = False) -> Iterator[Path]:
    """A path next to ``path`` to write to; what was written takes its place in one step.

    A reader, or the next run after a kill, finds the old file or the new one, never a part; with
    ``sync``, which waits for the disk, also after a power cut. A missing folder is made.
    """
    # Two experiments may write the same file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        if sync:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """An empty folder next to ``folder`` that takes its place when the work in it has succeeded.

    If the work fails, ``folder`` is as it was. What a killed process left is removed, or put back
    if the kill came between the two renamings.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    previous = folder.with_name(f"{folder.name}.previous")
    if previous.exists() and not folder.exists():
        previous.rename(folder)
    for leftover in (partial, previous):
        if leftover.exists():
            shutil.rmtree(leftover)
    partial.mkdir(parents=True)
    try:
        yield partial
        if folder.exists():
            folder.rename(previous)
        partial.rename(folder)
        shutil.rmtree(previous, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
