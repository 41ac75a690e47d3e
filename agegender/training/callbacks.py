"""Callbacks of training: early stopping, and a checkpoint from which training resumes exactly."""

import io
import json
import logging
import math
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from agegender.common.files import atomic_write
from agegender.training.objective import curves
from agegender.training.parameters import Training

logger = logging.getLogger(__name__)

# One epoch's values: {"train": {"loss": ...}, "validation": {...}}.
Epoch = dict[str, dict[str, float]]


@dataclass
class History:
    """What training measured: the values of each epoch, and the seconds that it took.

    The first ``resumed`` epochs were trained by an earlier process.
    """

    epochs: list[Epoch]
    seconds: list[float]
    resumed: int


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras's own by validation loss, in which NaN is no improvement on any.

    The weights that it keeps are averaged ones, where there are any: ``swap`` puts them into the
    model.
    """

    def __init__(
        self, options: Training, swap: keras.callbacks.SwapEMAWeights | None = None
    ) -> None:
        super().__init__(
            "val_loss",
            mode="min",
            patience=options.patience or options.epochs,
            restore_best_weights=options.restore_best_weights,
        )
        self._swap = swap if options.restore_best_weights else None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Compare the epoch with the best one, see Keras; the weights are those of validation."""
        loss = (logs or {})["val_loss"]
        if self._swap:
            self._swap.on_test_begin()
        super().on_epoch_end(epoch, {"val_loss": math.inf if math.isnan(loss) else loss})
        if self._swap:
            self._swap.on_test_end()


class Checkpoint(keras.callbacks.Callback):
    """Keeps all that training depends on after each epoch, in one file that is replaced whole.

    As Keras's BackupAndRestore, and exact: weights, the optimizer's variables, dropout's random
    state, early stopping's, and what was measured. A training that goes on from it ends in the same
    weights as one that was never interrupted.

    Attributes:
        history: what has been measured so far.
        is_over: whether early stopping has ended the training.
    """

    def __init__(
        self,
        path: Path,
        content: bytes,
        tasks: Sequence[str],
        early_stopping: EarlyStopping,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        """Take up what an earlier process kept.

        Args:
            path: of the file (.npz).
            content: of the file; nothing is taken up if it is empty or damaged.
            tasks: what the model is trained for.
            early_stopping: stands before this one in the list of callbacks.
            on_epoch: called with the values of each epoch, those of a resumed run included.
        """
        super().__init__()
        self._path = path
        self._tasks = tasks
        self._early_stopping = early_stopping
        self._on_epoch = on_epoch
        self._began = 0.0
        self._arrays, state = _read(content)
        self._early = state["early_stopping"]
        self.is_over = bool(self._early.get("stopped"))
        self.history = History(state["epochs"], state["seconds"], resumed=len(state["epochs"]))

    def on_train_begin(self, logs: object = None) -> None:
        """Give model, optimizer and early stopping the state in which the last epoch ended."""
        if self.history.resumed:
            variables = self._variables()
            for variable, value in zip(variables, self._arrays, strict=False):
                variable.assign(value)
            self._early_stopping.best = self._early["best"]
            self._early_stopping.best_epoch = self._early["best_epoch"]
            self._early_stopping.wait = self._early["wait"]
            self._early_stopping.best_weights = self._arrays[len(variables) :] or None
            self._arrays = []
        for values in self.history.epochs:
            self._on_epoch(values)

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keep the state, then report what was measured."""
        values = curves(logs or {}, self._tasks)
        self.history.epochs.append(values)
        self.history.seconds.append(time.perf_counter() - self._began)
        early = self._early_stopping
        state = {
            "epochs": self.history.epochs,
            "seconds": self.history.seconds,
            "early_stopping": {
                "best": None if early.best is None else float(early.best),
                "best_epoch": early.best_epoch,
                "wait": early.wait,
                "stopped": self.model.stop_training,
            },
        }
        arrays = [keras.ops.convert_to_numpy(variable) for variable in self._variables()]
        with atomic_write(self._path, sync=True) as temporary, temporary.open("wb") as file:
            encoded = np.frombuffer(json.dumps(state).encode(), np.uint8)
            np.savez(file, *arrays, *(early.best_weights or []), state=encoded)
        parts = [
            f"{name} {value:.3f} (validation {values['validation'][name]:.3f})"
            for name, value in values["train"].items()
        ]
        seconds = self.history.seconds[-1]
        logger.info("epoch %d, %.1f s: %s", epoch + 1, seconds, ", ".join(parts))
        self._on_epoch(values)

    def _variables(self) -> list[keras.Variable]:
        """Weights, dropout's random state and the optimizer's variables, in a fixed order."""
        return [*self.model.variables, *self.model.optimizer.variables]


def saved_epochs(path: Path) -> int:
    """How many epochs the checkpoint at ``path`` is of; 0 if there is none."""
    _, state = _read(path.read_bytes() if path.exists() else b"")
    return len(state["epochs"])


def _read(content: bytes) -> tuple[list[np.ndarray], dict[str, Any]]:
    """The arrays and the state in a checkpoint's file; those of no epoch if it is damaged."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            arrays = [kept[f"arr_{index}"] for index in range(len(kept.files) - 1)]
            return arrays, json.loads(kept["state"].tobytes())
    except (zipfile.BadZipFile, EOFError, ValueError, KeyError):
        return [], {"epochs": [], "seconds": [], "early_stopping": {}}
