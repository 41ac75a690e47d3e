"""What a model looks at: how its answers change when a patch of the photo is covered.

The occlusion maps of Zeiler and Fergus (ECCV 2014, arXiv:1311.2901), averaged over photos, which
aligned faces allow.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agegender.common.pictures import data_url
from agegender.common.progress import progress_bar
from agegender.evaluation.predict import predict_images

# Patches per row and column of the maps, and the side of a patch as a share of the photo's:
# neighbors overlap by half.
GRID = 10
PATCH = 1 / 5


def occlusion_maps(
    model: keras.Model, images: NDArray[np.uint8], batch_size: int
) -> dict[str, NDArray[np.float64]]:
    """By task: how far covering a patch moves the answer, as a mean over photos.

    A patch is covered with the photo's own mean color.

    Args:
        model: see `agegender.evaluation.predict.load`.
        images: shape (n, image_size, image_size, 3), n at least 1.
        batch_size: photos per forward pass.

    Returns:
        ``gender``: mean absolute change of P(female); ``age``: mean absolute change in years; of
        the trained tasks, each of shape (GRID, GRID), the patches from the top left.
    """
    plain = predict_images(model, images, batch_size)
    tasks = [task for task in ("gender", "age") if task in plain]
    maps: dict[str, NDArray[np.float64]] = {task: np.zeros((GRID, GRID)) for task in tasks}
    colors = images.mean(axis=(1, 2), keepdims=True).round().astype(np.uint8)
    cells = list(np.ndindex(GRID, GRID))
    for cell in progress_bar(cells, desc="covered patches", unit="patches"):
        covered = images.copy()
        rows, columns = (_span(number, images.shape[1]) for number in cell)
        covered[:, rows, columns] = colors
        outputs = predict_images(model, covered, batch_size)
        for task, each in maps.items():
            each[cell] = np.abs(outputs[task].astype(np.float64) - plain[task]).mean()
    return maps


def _span(number: int, size: int) -> slice:
    """The pixels of the patch of this number, whose center lies in the cell of that number."""
    center, half = (number + 0.5) * size / GRID, PATCH * size / 2
    return slice(max(0, round(center - half)), min(size, round(center + half)))


def summarize(images: NDArray[np.uint8], maps: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """The maps as JSON: ``photos``, ``face`` and a nested list for each task.

    ``face`` is the mean of the photos as a ``data:`` address of a PNG. Of photos of people it is a
    mean face, and stays out of git as they do.
    """
    face = data_url(Image.fromarray(images.mean(axis=0).round().astype(np.uint8)), "PNG")
    rounded = {task: each.round(4).tolist() for task, each in maps.items()}
    return {"photos": len(images), "face": face, **rounded}
