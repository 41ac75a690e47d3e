"""What a model scores on photos that were corrupted: blurred, noisy, compressed, off center.

The corruptions are common ones of robustness benchmarks (Hendrycks and Dietterich, ICLR 2019,
arXiv:1903.12261), and those by which photos of another origin differ most: sharpness and crop.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from zlib import crc32

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from agegender.common.progress import progress_bar
from agegender.evaluation.bootstrap import replicate
from agegender.evaluation.metrics import flatten
from agegender.evaluation.predict import predict_images
from agegender.evaluation.predictions import tabulate, tasks_of
from agegender.evaluation.scores import PRIMARY_METRICS, primary_metric

Pixels = NDArray[np.uint8]
# A photo, how strongly to corrupt it, and what else is drawn at random.
Corrupt = Callable[[Image.Image, float, np.random.Generator], Image.Image]


class Corruption(NamedTuple):
    """A way to corrupt photos, its strengths, and how a strength is written."""

    name: str
    strengths: tuple[float, ...]
    form: str
    apply: Corrupt


def _blur(image: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(strength / 100 * image.width))


def _sharpen(image: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.UnsharpMask(0.015 * image.width, int(strength), 0))


def _noise(image: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image) + random.normal(0, strength, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(strength))
    return Image.open(file).convert("RGB")


def _gray(image: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    return ImageEnhance.Color(image).enhance(1 - strength / 100)


def _low_resolution(image: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    side = max(1, round(image.width / strength))
    small = image.resize((side, side), Image.Resampling.BOX)
    return small.resize(image.size, Image.Resampling.BICUBIC)


def _shift(image: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    angle, length = random.uniform(0, 2 * np.pi), strength / 100 * image.width
    return _window(image, 1.0, (length * np.cos(angle), length * np.sin(angle)))


def _scale(image: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    factor = 1 + strength / 100
    return _window(image, factor if random.random() < 0.5 else 1 / factor)


def _brightness(image: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    added = (1 if random.random() < 0.5 else -1) * strength / 100 * 255
    return Image.fromarray(np.clip(np.asarray(image) + added, 0, 255).astype(np.uint8))


def _contrast(image: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(1 - strength / 100)


def _window(
    image: Image.Image, zoom: float, offset: tuple[float, float] = (0.0, 0.0)
) -> Image.Image:
    """The photo enlarged about its center and moved by pixels; its edge is repeated."""
    margin = image.width // 2
    padded = np.pad(np.asarray(image), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    center, half = padded.shape[0] / 2, image.width / 2 / zoom
    x, y = center - offset[0], center - offset[1]
    box = (x - half, y - half, x + half, y + half)
    return Image.fromarray(padded).resize(image.size, Image.Resampling.BICUBIC, box)


NONE = Corruption("none", (0,), "unchanged", lambda image, *_: image)
CORRUPTIONS = (
    Corruption("blur", (0.8, 1.6, 2.4), "SD {:g} %", _blur),
    Corruption("sharpening", (100, 200, 400), "{:g} %", _sharpen),
    Corruption("low resolution", (2, 4, 8), "1/{:g}", _low_resolution),
    Corruption("noise", (10, 20, 40), "SD {:g}", _noise),
    Corruption("JPEG", (40, 20, 10), "quality {:g}", _jpeg),
    Corruption("gray", (33, 67, 100), "{:g} % lost", _gray),
    Corruption("brightness", (15, 30, 45), "± {:g} %", _brightness),
    Corruption("contrast", (25, 50, 75), "{:g} % lost", _contrast),
    Corruption("shift", (5, 10, 15), "{:g} %", _shift),
    Corruption("scale", (10, 20, 30), "± {:g} %", _scale),
)


def corrupt(
    images: Pixels, files: Iterable[str], corruption: Corruption, strength: float, seed: int
) -> Pixels:
    """Photos corrupted; what is random is a function of the seed and each photo's name.

    Args:
        images: RGB, shape (n, image_size, image_size, 3).
        files: the photos' names.
        corruption: `NONE` or one of `CORRUPTIONS`.
        strength: one of the corruption's ``strengths``.
        seed: of what is drawn.
    """
    changed = np.empty_like(images)
    for number, (image, file) in enumerate(zip(images, files, strict=True)):
        random = np.random.default_rng((seed, crc32(f"{corruption.name} {file}".encode())))
        changed[number] = np.asarray(corruption.apply(Image.fromarray(image), strength, random))
    return changed


def score_corruptions(
    model: keras.Model,
    images: Pixels,
    labels: pd.DataFrame,
    batch_size: int,
    samples: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """The primary metrics of a model on photos as they are and under every corruption, by task.

    Args:
        model: see `agegender.evaluation.predict.load`.
        images: RGB, shape (n, image_size, image_size, 3).
        labels: of the photos, see `tabulate`.
        batch_size: photos per forward pass.
        samples: see `replicate`.
        seed: of the resamples, and of what is drawn.

    Returns:
        one row per corruption and strength, the first for the photos as they are: ``by`` (the
        corruption's name), ``group`` (the strength as a figure names it), ``photos``, and the
        task's primary metric with its interval in ``_low`` and ``_high``.
    """
    passes = [(each, strength) for each in (NONE, *CORRUPTIONS) for strength in each.strengths]
    rows: dict[str, list[dict[str, object]]] = {}
    for corruption, strength in progress_bar(passes, desc="corrupted photos", unit="passes"):
        changed = corrupt(images, labels["file"], corruption, strength, seed)
        table = tabulate(labels, predict_images(model, changed, batch_size))
        scores = [primary_metric(task, table) for task in tasks_of(table)]
        for score, estimate in replicate(table, scores, samples, seed)[0].estimates().items():
            row = {"by": corruption.name, "group": corruption.form.format(strength)}
            row |= {"photos": len(table), **flatten(score.name, estimate)}
            rows.setdefault(score.task, []).append(row)
    return {task: pd.DataFrame(each) for task, each in rows.items()}


def mean_over_corruptions(scores: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, float]]:
    """By task: the primary metric's mean over all of `score_corruptions`, equally weighted."""
    means: dict[str, dict[str, float]] = {}
    for task, table in scores.items():
        corrupted = table[table["by"] != NONE.name]
        names = [score.name for score in PRIMARY_METRICS[task] if score.name in table]
        means[task] = {name: float(corrupted[name].mean()) for name in names}
    return means
