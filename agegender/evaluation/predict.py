"""A saved model's answers for a split."""

import zipfile
import zlib
from pathlib import Path

import keras
import pandas as pd

from agegender.common.errors import UserError
from agegender.evaluation.predictions import tabulate
from agegender.networks.batches import photos
from agegender.photos.records import read_labels


def load(path: Path) -> keras.Model:
    """The model at ``path``, in Keras's safe mode: nothing in the file is run.

    Raises:
        UserError: it is missing, is no such model, or is damaged.
    """
    try:
        return keras.models.load_model(path, safe_mode=True, compile=False)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError):
        what = "is no model of Keras's, or is damaged" if path.is_file() else "is missing"
        remedy = f"make it anew with `dvc repro -sf train_{path.stem}`"
        raise UserError(f"{path} {what}; {remedy}") from None


def predict(model: keras.Model, tfrecords: Path, split: str, batch_size: int) -> pd.DataFrame:
    """The labels of each photo of a split and the answers, see `tabulate`."""
    images = photos(tfrecords, split, batch_size, ["gender", "age"]).map(lambda image, _: image)
    answers = model.predict(images, verbose=0)
    return tabulate(
        read_labels(tfrecords, split), {task: values[:, 0] for task, values in answers.items()}
    )
