"""Line 3: the custom CNN never waits for its input, and how near its arithmetic is to the limit."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
import yaml
from agegender.networks.batches import Change, photos
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image

from agegender.augmentation.augmentation import augment
from agegender.augmentation.parameters import Augmentation
from agegender.common.parallel import available_cores
from agegender.custom import network as custom
from agegender.custom.parameters import TrainCustom
from benchmarks import sampling, usual
from benchmarks.measure import interleaved
from benchmarks.results import Result, share
from benchmarks.scale import Scale
from benchmarks.workspace import Workspace

BATCH = 32
TASKS = ["gender", "age"]
# How far the photos are changed where both change them: ours, and the same in Keras's words.
CHANGES = Augmentation(
    flip=True, rotation=10, shift=0.05, zoom=0.1, brightness=0.0, contrast=0.0, erasing=0.0
)
CHANGES_OF_KERAS = {
    "horizontal_flip": True,
    "rotation_range": 10,
    "width_shift_range": 0.05,
    "height_shift_range": 0.05,
    "zoom_range": 0.1,
}
# What the arithmetic is tried with: threads, precision, compiler, channels.
VARIANTS = {
    "as it is": ("0", "float32", "graph", "3"),
    "one thread": ("1", "float32", "graph", "3"),
    "XLA": ("0", "float32", "xla", "3"),
    "bfloat16": ("0", "mixed_bfloat16", "graph", "3"),
    "channels first": ("0", "float32", "graph", "first"),
    "16 channels, all but three idle": ("0", "float32", "graph", "16"),
}


class FromFrame(keras.utils.PyDataset):
    """Photos by a data frame, as Keras's guides and the other answers read them."""

    def __init__(self, frame: pd.DataFrame, folder: Path, image_size: int) -> None:
        super().__init__(workers=available_cores())
        self._frame, self._folder, self._size = frame, folder, image_size

    def __len__(self) -> int:
        return -(-len(self._frame) // BATCH)

    def __getitem__(self, index: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        rows = self._frame.iloc[index * BATCH : (index + 1) * BATCH]
        images = np.stack([self._read(self._folder / file) for file in rows["file"]])
        return images, tuple(rows[[task]].to_numpy(np.float32) for task in TASKS)

    def _read(self, path: Path) -> np.ndarray:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB").resize((self._size, self._size)), np.float32)


class Paired(keras.utils.PyDataset):
    """An iterator of Keras's, its labels as a tuple, which `fit` wants and it does not give."""

    def __init__(self, iterator: Any) -> None:
        super().__init__(workers=available_cores())
        self._iterator = iterator

    def __len__(self) -> int:
        return len(self._iterator)

    def __getitem__(self, index: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        images, labels = self._iterator[index]
        return images, tuple(column[:, np.newaxis] for column in labels)


def measure(workspace: Workspace, scale: Scale, folder: Path) -> list[Result]:
    """Throughput of training from TFRecords against other inputs, on the same network."""
    data = workspace.path / "data"
    records = folder / "fed"
    sampling.part(data / "tfrecords", records, train=scale.fed)
    loaded = sampling.load(records, "train")
    size = loaded.images.shape[1]
    model = usual.custom_cnn(size)
    in_memory = tf.data.Dataset.from_tensors(0).repeat(-(-len(loaded.images) // BATCH))
    images, gender, age = (
        tf.constant(values[:BATCH]) for values in (loaded.images, loaded.gender, loaded.age)
    )
    in_memory = usual.untuned(in_memory.map(lambda _: (images, (gender, age))))
    frame = pd.read_csv(data / "split/train.csv").head(scale.fed_slowly)
    epoch = iter(range(10**6))

    def ours(change: Change | None = None) -> tf.data.Dataset:
        return photos(records, "train", BATCH, TASKS, (1, next(epoch)), change).map(_paired)

    def changed(images: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        return augment(images, CHANGES, (1, number))

    def few(dataset: tf.data.Dataset) -> tf.data.Dataset:
        return dataset.take(-(-len(frame) // BATCH))

    def generator() -> Paired:
        iterator = ImageDataGenerator(**CHANGES_OF_KERAS).flow_from_dataframe(
            *(frame, str(data / "raw")),
            x_col="file",
            y_col=["gender", "age"],
            class_mode="multi_output",
            target_size=(size, size),
            batch_size=BATCH,
        )
        return Paired(iterator)

    def fit(given: Callable[[], Any]) -> Callable[[], object]:
        return lambda: model.fit(given(), shuffle=False, verbose=0)

    full = interleaved(
        min(3, scale.repetitions), fit(ours), fit(lambda: in_memory), fit(lambda: ours(changed))
    )
    part = interleaved(
        min(2, scale.repetitions),
        fit(lambda: few(ours())),
        fit(lambda: usual.tuned(few(ours()))),
        fit(lambda: few(ours(changed))),
        fit(lambda: FromFrame(frame, data / "raw", size)),
        fit(generator),
    )
    from_records, from_memory, augmented = (len(loaded.images) / taken for taken in full)
    again, tuned, augmented_again, from_frame, from_generator = (
        len(frame) / taken for taken in part
    )
    unit = "photos/s"
    return [
        share(
            "custom CNN fed from TFRecords, against one batch that is always in memory",
            *(from_records, from_memory, unit, 0.97),
        ),
        share(
            "the same, with augmentation in ours",
            *(augmented, from_memory, unit),
        ),
        share(
            "custom CNN fed from TFRecords, against a PyDataset over a data frame",
            *(again, from_frame, unit, 1.0),
        ),
        share(
            "the same, against ImageDataGenerator over a data frame, augmentation in both",
            *(augmented_again, from_generator, unit, 1.0),
        ),
        share(
            f"the first, an epoch of {len(frame)} photos, against the same with tf.data's tuner on",
            *(again, tuned, unit),
        ),
        *_arithmetic(workspace, size, scale),
        _normalization(workspace, scale, images, {"gender": gender, "age": age}),
    ]


def _paired(images: tf.Tensor, labels: dict[str, tf.Tensor]) -> Any:
    return images, (labels["gender"], labels["age"])


def _arithmetic(workspace: Workspace, image_size: int, scale: Scale) -> list[Result]:
    """The training step against the machine's limit, and what changes it."""
    measured: dict[str, dict[str, float]] = {}
    for name, variant in VARIANTS.items():
        if not scale.variants and measured:
            break
        arguments = (*variant, str(image_size), str(scale.stepped))
        printed = workspace.run(sys.executable, "-m", "benchmarks.step", *arguments)
        measured[name] = json.loads(printed.splitlines()[-1])
    plain = measured.pop("as it is")
    results = [
        share(
            "custom CNN's training step, against the fastest of a matrix product and a convolution",
            *(plain["step"], plain["limit"], "GFLOP/s"),
        )
    ]
    if half := measured.get("bfloat16"):
        title = "custom CNN's training step in bfloat16, against the same limit in bfloat16"
        results.append(share(title, half["step"], half["limit"], "GFLOP/s"))
    for name, values in measured.items():
        title = f"custom CNN's training step: {name}, against float32 on all cores"
        results.append(share(title, values["photos"], plain["photos"], "photos/s"))
    return results


def _normalization(
    workspace: Workspace, scale: Scale, images: tf.Tensor, labels: dict[str, tf.Tensor]
) -> Result:
    """The training step with our batch normalisation against Keras's, on one network."""
    parameters = yaml.safe_load((workspace.path / "params.yaml").read_text(encoding="utf-8"))
    options = TrainCustom.parse(parameters["train_custom"] | {"batch_normalization": True})
    data = usual.untuned(tf.data.Dataset.from_tensors((images, labels)).repeat(scale.stepped))
    loss = {"gender": "binary_crossentropy", "age": "mean_absolute_error"}

    def trained(of_keras: bool) -> keras.Model:
        # What is saved has Keras's layers.
        model = custom.build(options, images.shape[1], TASKS, to_save=of_keras).trained
        model.compile(keras.optimizers.Adam(1e-3), loss)
        return model

    models = [trained(of_keras) for of_keras in (False, True)]
    ours, theirs = interleaved(
        min(3, scale.repetitions),
        *(lambda model=model: model.fit(data, shuffle=False, verbose=0) for model in models),
    )
    photos = len(images) * scale.stepped
    return share(
        "custom CNN's training step with FusedBatchNormalization, against Keras's own",
        *(photos / ours, photos / theirs, "photos/s"),
    )
