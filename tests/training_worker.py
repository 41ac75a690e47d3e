"""A process that trains tiny networks, alone or with others: what test_distribution.py starts.

    python -m tests.training_worker FOLDER STRATEGY:CASE[,CASE]:WORK ...

Trains on FOLDER/records by each strategy and writes CASE.json and CASE.npz, the curves and weights
of each case, to FOLDER/WORK, where unfinished training lies as well.
"""

import json
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import yaml

from agegender.augmentation.augmentation import transform
from agegender.common.errors import UserError
from agegender.custom import network as custom
from agegender.custom.parameters import TrainCustom
from agegender.networks.datasets import photos, training_photos
from agegender.networks.device import enable_determinism
from agegender.training.callbacks import Epoch
from agegender.training.objective import Objective
from agegender.training.strategy import strategy
from agegender.training.training import train_ensemble

BOTH = ["gender", "age"]
DEFAULTS = yaml.safe_load(Path("params.yaml").read_text())
COMMON = {"dropout": 0.0, "batch_size": 8, "epochs": 3, "dense_units": [8], "filters": [4, 8]}
CASES: dict[str, dict[str, Any]] = {
    "everything": {
        "batch_normalization": True,
        "age_head": "distribution",
        "schedule": "cosine",
        "warmup_epochs": 1,
        "weight_decay": 0.1,
        "label_smoothing": 0.1,
        "age_weight": 0.5,
        "ema_momentum": 0.9,
        "restore_best_weights": True,
        "augmentation": DEFAULTS["train_custom"]["augmentation"] | {"flip": True, "shift": 0.2},
    },
    "long": {"epochs": 6},
}


def train(case: str, folder: Path, work: Path) -> None:
    """Train a case in the scope of whatever strategy is active."""
    options = TrainCustom.parse(DEFAULTS["train_custom"] | COMMON | CASES[case])
    change = transform(options.augmentation)
    epochs: list[Epoch] = []

    def on_epoch(epoch: Epoch) -> None:
        epochs.append(epoch)
        print(f"{case}: epoch {len(epochs)}", flush=True)

    validation = photos(folder, "validation", options.batch_size, BOTH)
    checkpoints = work / case
    checkpoints.mkdir(parents=True, exist_ok=True)
    (network,), _ = train_ensemble(
        lambda: custom.build(options, 32, BOTH, 30.0),
        partial(training_photos, folder, "train", options.batch_size, BOTH, transform=change),
        validation,
        Objective(BOTH, options),
        5,
        checkpoints,
        on_epoch,
    )
    np.savez(work / f"{case}.npz", *network.get_weights())
    (work / f"{case}.json").write_text(json.dumps(epochs))


def main() -> None:
    """Train the cases that the arguments name."""
    folder, *runs = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    if "TF_CONFIG" not in os.environ:
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, devices)
    enable_determinism(5, 2)
    try:
        for run in runs:
            name, cases, work = run.split(":")
            with strategy(name, cases).scope():
                for case in cases.split(","):
                    train(case, Path(folder) / "records" / case, Path(folder) / work)
    except UserError as error:
        print(f"error: {error}", flush=True)
        os._exit(1)


if __name__ == "__main__":
    main()
