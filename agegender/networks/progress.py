"""Unfinished training on disk: one file, replaced whole, so that a kill leaves a usable one."""

import io
import json
import os
import shutil
import zipfile
from copy import copy
from pathlib import Path
from typing import IO, Any

import numpy as np

from agegender.common.resumable import acquire, remove_if_free

# Arrays and a JSON-like state.
Kept = tuple[list[np.ndarray], dict[str, Any]]


class Progress:
    """The progress of one run, in a folder that belongs to exactly its inputs.

    Attributes:
        folder: of the run, for as long as this process lives or until it is finished.
    """

    def __init__(self, folder: Path) -> None:
        """A folder with the name of ``folder`` and a number behind it is made or found.

        While another process has it, an experiment beside this one as a rule, this one gets the
        next number and a folder of its own. Unfinished runs beside it, of other inputs, are
        removed unless a process is at work on them.
        """
        self.folder, self._lock = acquire(folder.parent, folder.name)
        for other in sorted(folder.parent.iterdir()):
            if other != self.folder and other.is_dir():
                remove_if_free(other)
        self._file = self.folder / _state(0)

    def part(self, number: int) -> "Progress":
        """The progress of a part of the run, by its number from 0; the first is this one.

        To be saved and loaded; the whole is what is finished.
        """
        part = copy(self)
        part._file = self.folder / _state(number)
        return part

    def save(self, arrays: list[np.ndarray], state: dict[str, Any]) -> None:
        """Keep arrays and a JSON-like state; what was kept before stays until this is whole."""
        partial = self._file.with_suffix(".partial")
        with partial.open("wb") as file:
            _write(file, arrays, state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._file)

    def load(self) -> Kept | None:
        """What was saved last; None at the start, and if the disk has spoilt it since."""
        try:
            with self._file.open("rb") as file:
                return _read(file)
        except (FileNotFoundError, zipfile.BadZipFile, EOFError, ValueError, KeyError):
            return None

    def described(self, members: int = 1) -> str:
        """What is saved, for the person who stops the training; empty if nothing is.

        Args:
            members: how many there are to be, of which each is a part.
        """
        for number in reversed(range(members)):
            kept = self.part(number).load()
            if kept:
                of_which = f" of member {number + 1}" if members > 1 else ""
                return f"training is saved behind epoch {len(kept[1]['epochs'])}{of_which}"
        return ""

    def finish(self) -> None:
        """Remove it: the result is written."""
        # First from its name, so that a kill leaves all of it there or nothing.
        finished = self.folder.with_name(f"{self.folder.name}.finished")
        self.folder.rename(finished)
        shutil.rmtree(finished)
        self.close()

    def close(self) -> None:
        """Let another process go on with it, as the end of this one does."""
        os.close(self._lock)


def _state(number: int) -> str:
    """The name of a part's file."""
    return f"state{number}.npz"


def packed(kept: Kept | None) -> bytes:
    """As bytes for another process, which `unpacked` reads; empty for None."""
    content = io.BytesIO()
    if kept is not None:
        _write(content, *kept)
    return content.getvalue()


def unpacked(content: bytes) -> Kept | None:
    """See `packed`."""
    return _read(io.BytesIO(content)) if content else None


def _write(file: IO[bytes], arrays: list[np.ndarray], state: dict[str, Any]) -> None:
    described = np.frombuffer(json.dumps(state).encode(), np.uint8)
    np.savez(file, *arrays, state=described)


def _read(file: IO[bytes]) -> Kept:
    with np.load(file, allow_pickle=False) as kept:
        arrays = [kept[f"arr_{index}"] for index in range(len(kept.files) - 1)]
        return arrays, json.loads(kept["state"].tobytes())
