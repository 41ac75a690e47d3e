"""A process that trains tiny networks, alone or with others: what test_distribution.py starts.

    python -m tests.training_worker FOLDER STRATEGY [CASE ...] [--killed-behind EPOCH]
        [--patience SECONDS]

The curves and weights of each case lie in FOLDER afterwards.
"""

import argparse
import json
import os
import signal
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import yaml

from agegender.augmentation.augmentation import of_epoch
from agegender.common.errors import UserError
from agegender.custom import network as custom
from agegender.custom.parameters import TrainCustom
from agegender.networks import runtime
from agegender.networks.batches import embeddings, photos
from agegender.networks.progress import Progress
from agegender.training import distribution
from agegender.training.distribution import ALONE, Distribution
from agegender.training.training import Epoch, train
from agegender.vgg16 import network as vgg16
from agegender.vgg16.frozen import backbone as vgg16_base
from agegender.vgg16.parameters import TrainVgg16
from tests.clones import ROOT
from tests.tfrecords import write_tfrecords

BOTH = ["gender", "age"]
DEFAULTS = yaml.safe_load((ROOT / "params.yaml").read_text())
# Whole batches, one of an odd number, and one of a single photo, which two replicas cannot part.
PHOTOS = {"train": 17, "validation": 15, "test": 1}
COMMON = {"dropout": 0.0, "batch_size": 8, "epochs": 3, "dense_units": [8]}
CASES: dict[str, dict[str, Any]] = {
    "custom": {"filters": [4, 8]},
    "everything": {
        "filters": [4, 8],
        "batch_normalization": True,
        "age_head": "distribution",
        "schedule": "cosine",
        "warmup_epochs": 1,
        "weight_decay": 0.1,
        "label_smoothing": 0.1,
        "age_weight": 0.5,
        "ema_momentum": 0.9,
        "restore_best_weights": True,
        "augmentation": DEFAULTS["embed_vgg16"]["augmentation"],
    },
    "long": {"filters": [4], "epochs": 6, "dropout": 0.3},
    "vgg16": {},
}


def write_photos(folder: Path) -> None:
    """TFRecords of a few photos of noise."""
    random = np.random.default_rng(0)
    images = {
        split: random.integers(0, 256, (count, 16, 16, 3), np.uint8)
        for split, count in PHOTOS.items()
    }
    write_tfrecords(folder, images, years=7)


def run(
    case: str,
    records: Path,
    progress: Path,
    machines: Distribution = ALONE,
    killed_behind: int | None = None,
) -> tuple[list[Epoch], list[np.ndarray]]:
    """The curves and the weights that a case ends in."""
    keras.utils.set_random_seed(5)
    seen: list[Epoch] = []

    def on_epoch(values: Epoch) -> None:
        seen.append(values)
        if len(seen) == killed_behind:
            os.kill(os.getpid(), signal.SIGKILL)

    changed = COMMON | CASES[case]
    if case == "vgg16":
        head = TrainVgg16.parse(DEFAULTS["train_vgg16"] | changed)
        with machines.scope():
            base = vgg16_base.base(32, "none", weights=None)
            network = vgg16.build(head, base, 32, BOTH, 50.0)
        random = np.random.default_rng(1)
        vectors = random.normal(size=(PHOTOS["train"], 512)).astype(np.float32)
        labels = random.integers(0, (2, 117), (len(vectors), 2)).astype(np.float32)
        options: TrainCustom | TrainVgg16 = head

        def batches(epoch: int) -> tf.data.Dataset:
            return embeddings(vectors, labels, 8, BOTH, (7, epoch))

        validation = embeddings(vectors[::-1], labels, 8, BOTH)
    else:
        cnn = TrainCustom.parse(DEFAULTS["train_custom"] | changed)
        with machines.scope():
            network = custom.build(cnn, 16, BOTH, 50.0)
        options = cnn

        def batches(epoch: int) -> tf.data.Dataset:
            change = of_epoch(cnn.augmentation, 7, epoch)
            return photos(records, "train", 8, BOTH, (7, epoch), change)

        validation = photos(records, "validation", 8, BOTH)
    with closing(Progress(progress / case / "key")) as kept:
        train(network, batches, validation, BOTH, options, kept, on_epoch, distribution=machines)
    return seen, network.trained.get_weights()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("strategy")
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--killed-behind", type=int)
    parser.add_argument("--patience", type=float, default=120.0)
    given = parser.parse_args(arguments)
    distribution.MEETING_SECONDS = given.patience
    runtime.configure(2, seed=5)
    if given.strategy == "mirrored":
        (processor,) = tf.config.list_physical_devices("CPU")
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(processor, two)
    try:
        machines = distribution.join(given.strategy, ROOT.as_posix())
        for case in given.cases:
            records = given.folder.parent / "records"
            curves, weights = run(
                case, records, given.folder / "progress", machines, given.killed_behind
            )
            write(given.folder, case, curves, weights)
            machines.wait()
    except UserError as error:
        raise SystemExit(f"error: {error}") from None


def write(folder: Path, case: str, curves: list[Epoch], weights: Iterable[np.ndarray]) -> None:
    """What `run` returns."""
    (folder / f"{case}.json").write_text(json.dumps(curves))
    np.savez(folder / f"{case}.npz", *weights)


if __name__ == "__main__":
    main()
