"""A saved model on a split: its predictions and what they score."""

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agegender.common.errors import DamagedFileError
from agegender.evaluation.describe import parameter_counts
from agegender.evaluation.metrics import metrics
from agegender.evaluation.predictions import tabulate
from agegender.networks.datasets import photos
from agegender.photos.records import read_labels

# Of a model, unpacked: several times what VGG16 has with all blocks unfrozen and two networks.
_MAX_BYTES = 2_000_000_000
_MAX_CONFIG_BYTES = 10_000_000
# Of a layer, and pixels a side of what it is given.
_MAX_UNITS = 65_536
_MAX_SIDE = 4096


def load(path: Path) -> keras.Model:
    """The model at ``path``, in Keras's safe mode: nothing in the file is run.

    Raises:
        DamagedFileError: it is missing, is not a Keras model of faces, or is damaged.
    """
    if not path.is_file():
        raise DamagedFileError(path, "is missing")
    try:
        _check_sizes(path)
        with warnings.catch_warnings():
            # Keras only warns where weights are missing.
            warnings.filterwarnings("error", message=".*freshly-initialized weights")
            model = keras.models.load_model(path, safe_mode=True, compile=False)
        _, height, width, channels = model.input.shape
        if height != width or channels != 3 or not {"gender", "age"} & model.output.keys():
            raise ValueError("not from photos to gender or age")
    except Exception:
        # On damaged files Keras and HDF5 raise nearly everything.
        raise DamagedFileError(path, "is not a Keras model of faces, or is damaged") from None
    # Else Keras compiles by XLA on a GPU, which rounds otherwise.
    model.jit_compile = False
    return model


def _check_sizes(path: Path) -> None:
    """Raise an exception where a model would take more memory than models do, or is cut off."""
    with zipfile.ZipFile(path) as file:
        if sum(entry.file_size for entry in file.infolist()) > _MAX_BYTES:
            raise ValueError("too large")
        if file.getinfo("config.json").file_size > _MAX_CONFIG_BYTES:
            raise ValueError("too many layers")
        # Their checksums, before Keras reads them in parts.
        if file.testzip():
            raise ValueError("damaged")
        _check_units(json.loads(file.read("config.json")))


def _check_units(config: Any) -> None:
    if isinstance(config, dict):
        for name, value in config.items():
            if name in ("units", "filters") and not 0 < value <= _MAX_UNITS:
                raise ValueError(f"{name} is {value}")
            if name == "batch_shape" and any((side or 0) > _MAX_SIDE for side in value[1:3]):
                raise ValueError(f"{name} is {value}")
            _check_units(value)
    elif isinstance(config, list):
        for value in config:
            _check_units(value)


def evaluate(
    model: keras.Model,
    tfrecords: Path,
    split: str,
    training: pd.DataFrame,
    samples: int,
    batch_size: int,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Score a saved model on a split.

    Args:
        model: see `load`.
        tfrecords: the folder of all splits' TFRecords.
        split: train, validation or test.
        training: the labels ``gender`` and ``age`` of the training photos, for the baseline.
        samples: resamples for each 95 % interval.
        batch_size: photos per forward pass.
        seed: of the resamples.

    Returns:
        The predictions, see `tabulate`, and the contents of the metrics file.
    """
    predictions = predict(model, tfrecords, split, batch_size)
    return predictions, metrics(predictions, training, parameter_counts(model), samples, seed)


def predict_images(model: keras.Model, images: np.ndarray, batch_size: int) -> dict[str, Any]:
    """A model's outputs for photos in memory, by name; quicker than `predict` for few photos."""
    starts = range(0, len(images), batch_size)
    batches = [model.predict_on_batch(images[start : start + batch_size]) for start in starts]
    return {name: np.concatenate([each[name] for each in batches]) for name in batches[0]}


def read_images(tfrecords: Path, split: str, count: int) -> np.ndarray:
    """The first photos of a split, uint8 of shape (count, image_size, image_size, 3)."""
    images, _ = next(iter(photos(tfrecords, split, 32, []).unbatch().batch(count)))
    return np.asarray(images)


def predict(model: keras.Model, tfrecords: Path, split: str, batch_size: int) -> pd.DataFrame:
    """The labels and predictions of each photo of a split, see `tabulate`."""
    images = photos(tfrecords, split, batch_size, []).map(lambda image, _: image)
    return tabulate(read_labels(tfrecords, split), model.predict(images, verbose=0))
