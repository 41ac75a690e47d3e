"""VGG16's head trained on embeddings, against the usual `model.fit` through the frozen base."""

from contextlib import redirect_stdout
from io import StringIO

import keras
import numpy as np
import tensorflow as tf

from agegender.networks.datasets import EpochNumber, embeddings, photos
from agegender.networks.device import enable_determinism
from agegender.photos.records import read_labels
from agegender.training.objective import Objective
from agegender.training.training import train
from agegender.vgg16.frozen.backbone import Backbone, load_weights
from agegender.vgg16.frozen.embedding import embed
from agegender.vgg16.network import build
from agegender.vgg16.parameters import TrainVgg16
from benchmarks.custom import compiled
from benchmarks.measure import interleaved
from benchmarks.photos import parameters, records_of
from benchmarks.results import Result, faster
from tests.clones import Clone

EPOCHS = 10
SEED = 1


def measure(clone: Clone, quick: bool) -> list[Result]:
    """Both ways with the same layers, batches, optimizer and epochs."""
    # Through the frozen base go fewer, for time.
    count, usual_count = (32, 16) if quick else (1024, 256)
    clone.dvc("repro", "download_vgg16")
    given, image_size = parameters(), parameters(clone.path)["image_size"]
    changes = {"unfreeze": "none", "epochs": EPOCHS, "patience": 0}
    options, tasks = TrainVgg16.parse(given["train_vgg16"] | changes), given["tasks"]
    size = options.batch_size
    enable_determinism(SEED, options.intra_op_threads)
    folder = clone.path.parent / "head"
    folder.mkdir()
    counts = {"train": count, "validation": count // 8}
    records = records_of(clone, folder / "records", **counts)
    weights = load_weights(clone.path / "data/vgg16/vgg16.npz")
    frozen = Backbone(image_size, "none", weights).model()

    def embed_photos() -> None:
        for split in counts:
            (folder / f"{split}.npy").unlink(missing_ok=True)
            embed(frozen, records, split, folder / f"{split}.npy", size)

    def train_head() -> None:
        checkpoint, epoch = folder / "checkpoint.npz", EpochNumber()
        checkpoint.unlink(missing_ok=True)
        training, validation = (
            (np.load(folder / f"{split}.npy", "r"), read_labels(records, split)) for split in counts
        )
        train(
            build(options, image_size, tasks, weights),
            embeddings(*training, size, tasks, SEED, epoch),
            embeddings(*validation, size, tasks),
            Objective(tasks, options),
            epoch,
            checkpoint,
        )

    frozen.trainable = False
    image = keras.Input((image_size, image_size, 3))
    whole = keras.Model(image, build(options, image_size, tasks, weights)(frozen(image)))
    usual, data = compiled(whole, options, tasks), {}
    for split, number in counts.items():
        batches = photos(records, split, size, tasks)
        part = batches.take(number * usual_count // count // size or 1)
        data[split] = part.cache().prefetch(tf.data.AUTOTUNE)

    with redirect_stdout(StringIO()):
        embedding, head, epoch = interleaved(
            quick,
            embed_photos,
            train_head,
            lambda: usual.fit(
                data["train"], validation_data=data["validation"], shuffle=False, verbose=0
            ),
            repetitions=2,
        )
    theirs = epoch * EPOCHS * count / usual_count
    name = f"VGG16's head, {EPOCHS} epochs of {count:,} photos"
    against = "against `model.fit` through the frozen base"
    return [
        faster(f"{name}, embedding included, {against}", embedding + head, theirs, "s", 8),
        faster(f"{name}, when only the head changes, {against}", head, theirs, "s", 50),
    ]
