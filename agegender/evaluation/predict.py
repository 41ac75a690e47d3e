"""A saved model on a split: its predictions and what they score."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import keras
import pandas as pd

from agegender.common.errors import DamagedFileError
from agegender.evaluation.describe import parameter_counts
from agegender.evaluation.metrics import metrics
from agegender.evaluation.parameters import Evaluate
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
    options: Evaluate,
    seed: int,
) -> Evaluation:
    """Score a saved model on a split.

    Args:
        model: see `load`.
        tfrecords: the folder of all splits' TFRecords.
        split: train, validation or test.
        training: the labels ``gender`` and ``age`` of the training photos, for the baseline.
        options: resamples for the intervals, and photos per forward pass.
        seed: of the resamples.
    """
    predictions = predict(model, tfrecords, split, options.batch_size)
    counts = parameter_counts(model)
    contents = metrics(predictions, training, counts, options.bootstrap_samples, seed)
    return Evaluation(predictions, contents)


def predict(model: keras.Model, tfrecords: Path, split: str, batch_size: int) -> pd.DataFrame:
    """The labels and predictions of each photo of a split, see `tabulate`."""
    images = photos(tfrecords, split, batch_size, []).map(lambda image, _: image)
    outputs = model.predict(images, verbose=0)
    return tabulate(
        read_labels(tfrecords, split), {name: values[:, 0] for name, values in outputs.items()}
    )
