"""A saved model on a split: its predictions and what they score."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd

from agegender.common.errors import DamagedFileError
from agegender.evaluation.describe import parameter_counts
from agegender.evaluation.metrics import metrics
from agegender.evaluation.predictions import tabulate
from agegender.networks.datasets import photos
from agegender.photos.records import read_labels


class Evaluation(NamedTuple):
    """A model's predictions on a split, and the contents of its metrics file."""

    predictions: pd.DataFrame
    metrics: dict[str, Any]


def load(path: Path) -> keras.Model:
    """The model at ``path``, in Keras's safe mode: nothing in the file is run.

    Raises:
        DamagedFileError: it is missing, is not a Keras model, or is damaged.
    """
    try:
        model = keras.models.load_model(path, safe_mode=True, compile=False)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError):
        what = "is not a Keras model, or is damaged" if path.is_file() else "is missing"
        raise DamagedFileError(path, what) from None
    # Else Keras compiles by XLA on a GPU, which rounds otherwise.
    model.jit_compile = False
    return model


def evaluate(
    model: keras.Model,
    tfrecords: Path,
    split: str,
    training: pd.DataFrame,
    samples: int,
    batch_size: int,
    seed: int,
) -> Evaluation:
    """Score a saved model on a split.

    Args:
        model: see `load`.
        tfrecords: the folder of all splits' TFRecords.
        split: train, validation or test.
        training: the labels ``gender`` and ``age`` of the training photos, for the baseline.
        samples: resamples for each 95 % interval.
        batch_size: photos per forward pass.
        seed: of the resamples.
    """
    predictions = predict(model, tfrecords, split, batch_size)
    contents = metrics(predictions, training, parameter_counts(model), samples, seed)
    return Evaluation(predictions, contents)


def predict_images(model: keras.Model, images: np.ndarray, batch_size: int) -> dict[str, Any]:
    """A model's outputs for photos in memory, by name; quicker than `predict` for few photos."""
    starts = range(0, len(images), batch_size)
    batches = [model.predict_on_batch(images[start : start + batch_size]) for start in starts]
    return {name: np.concatenate([each[name] for each in batches]) for name in batches[0]}


def read_images(tfrecords: Path, split: str, count: int) -> np.ndarray:
    """The first photos of a split, uint8 of shape (count, image_size, image_size, 3)."""
    batches, found = [], 0
    for images, _ in photos(tfrecords, split, 32, []):
        batches.append(images.numpy())
        found += len(batches[-1])
        if found >= count:
            break
    return np.concatenate(batches)[:count]


def predict(model: keras.Model, tfrecords: Path, split: str, batch_size: int) -> pd.DataFrame:
    """The labels and predictions of each photo of a split, see `tabulate`."""
    images = photos(tfrecords, split, batch_size, []).map(lambda image, _: image)
    outputs = model.predict(images, verbose=0)
    return tabulate(
        read_labels(tfrecords, split), {name: values[:, 0] for name, values in outputs.items()}
    )
