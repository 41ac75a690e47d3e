"""Folders that are replaced as a whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside ``folder`` that takes its place when the work in it has succeeded.

    If the work fails, ``folder`` is as it was. What a killed process left behind is removed, or
    put back if the kill came between the two renamings.
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
