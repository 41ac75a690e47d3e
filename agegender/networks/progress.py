"""Unfinished training on disk: one file, replaced whole, so that a kill leaves a usable one."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np


class Progress:
    """The progress of one run, in a folder that belongs to exactly its inputs."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made; unfinished runs beside it, of other inputs, are removed."""
        self.folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        for other in folder.parent.iterdir():
            if other != folder and other.is_dir():
                shutil.rmtree(other, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        self._file = folder / "state.npz"

    def save(self, arrays: list[np.ndarray], state: dict[str, Any]) -> None:
        """Keep arrays and a JSON-like state; what was kept before stays until this is whole."""
        partial = self._file.with_suffix(".partial")
        described = np.frombuffer(json.dumps(state).encode(), np.uint8)
        with partial.open("wb") as file:
            np.savez(file, *arrays, state=described)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._file)

    def load(self) -> tuple[list[np.ndarray], dict[str, Any]] | None:
        """What was saved last; None at the start."""
        if not self._file.exists():
            return None
        with np.load(self._file, allow_pickle=False) as kept:
            arrays = [kept[f"arr_{index}"] for index in range(len(kept.files) - 1)]
            return arrays, json.loads(kept["state"].tobytes())

    def finish(self) -> None:
        """Remove it: the result is written."""
        shutil.rmtree(self.folder)
