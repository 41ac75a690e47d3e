"""Exporting a model: written, run in its runtime, and compared with Keras before it is kept."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from agegender.common.errors import UserError
from agegender.evaluation.predict import predict_images
from agegender.export.formats import FORMATS, Weights, round_weights

# The largest differences from Keras that are accepted, in P(female) and years.
TOLERANCES: dict[Weights, dict[str, float]] = {
    "float32": {"gender": 1e-4, "age": 0.01},
    "float16": {"gender": 2e-3, "age": 0.2},
}
# The ends of ranges are whole years, so the last bits can move one by a year.
WHOLE_YEARS = 1.0


def export_model(
    model: keras.Model, path: Path, form: str, weights: Weights, images: np.ndarray
) -> dict[str, float]:
    """Write a model in a format, run it in its runtime on photos, and compare it with Keras.

    Args:
        model: see `agegender.evaluation.predict.load`; its weights are rounded in place where
            ``weights`` is float16.
        path: to write; it must not exist.
        form: the name of one of `FORMATS`.
        weights: how kernels are stored.
        images: to compare on, at least 2, shape (n, image_size, image_size, 3), 0 to 255.

    Returns:
        the largest difference of each output.

    Raises:
        UserError: the file cannot be run or answers otherwise; the message says by how much. What
            was written is left to the caller to remove.
        ImportError: a package is missing that the format needs.
    """
    images = images.astype(np.float32)
    expected = predict_images(model, images, 32)
    if weights == "float16":
        round_weights(model)
    try:
        FORMATS[form].write(model, path, weights == "float16")
        run = FORMATS[form].open(path)
        # As one photo, and as a batch of all others.
        parts = [run(images[:1]), run(images[1:])]
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    except (ImportError, OSError):
        raise
    except Exception as error:
        # Converters and runtimes raise whatever they like.
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"the model cannot be exported to {form}: {reason}") from error
    differences = compare(expected, found)
    wrong = [
        f"{name} by up to {difference:.4g} (accepted: {limit:g})"
        for name, difference in differences.items()
        if not difference <= (limit := TOLERANCES[weights].get(name, WHOLE_YEARS))
    ]
    if wrong:
        raise UserError(f"the {form} file answers otherwise than Keras: {', '.join(wrong)}")
    return differences


def compare(
    expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """The largest difference of each output; infinite where one is missing or has another shape."""
    return {
        name: float(np.abs(values - found[name]).max())
        if name in found and found[name].shape == values.shape
        else float("inf")
        for name, values in expected.items()
    }
