"""Photos with what a model predicts for them: right ones, wrong ones and the worst."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from agegender.common.errors import UserError
from agegender.common.pictures import data_url
from agegender.evaluation.predictions import tasks_of
from agegender.evaluation.scores import THRESHOLD
from agegender.photos.labels import GENDERS
from agegender.preparation import images
from agegender.report import prose

# An age at most this many years off counts as right here.
RIGHT_YEARS = 5
# Pixels a side of a face, at most; the page shows it smaller, for sharp screens.
_SIDE = 128


class Row(NamedTuple):
    """A row of the gallery: its title, and the rows of the predictions table in it."""

    title: str
    photos: pd.DataFrame


def choose(predictions: pd.DataFrame, count: int, seed: int) -> list[Row]:
    """Rows of at most ``count`` photos of `tabulate`'s predictions, those without any left out.

    Which of those that are right are shown is drawn by ``seed``.
    """
    tasks = tasks_of(predictions)
    right = pd.Series(True, index=predictions.index)
    rows = []
    if "gender" in tasks:
        correct = predictions["gender_correct"] == 1
        right &= correct
        sure = (predictions["gender_predicted"] - THRESHOLD).abs()
        wrong = predictions.assign(sure=sure)[predictions["gender_correct"] == 0]
        wrong = wrong.sort_values(["sure", "file"], ascending=[False, True])
        rows.append(Row("Wrong gender, most confident first", wrong.head(count)))
    if "age" in tasks:
        off = predictions["age_error"].abs()
        right &= off <= RIGHT_YEARS
        worst = predictions.assign(off=off).dropna(subset="off")
        worst = worst.sort_values(["off", "file"], ascending=[False, True])
        rows.append(Row("Largest age errors", worst.head(count)))
    names = {"gender": "gender right", "age": f"age within {RIGHT_YEARS} years"}
    title = prose.capitalized(" and ".join(names[task] for task in tasks))
    candidates = np.flatnonzero(right)
    drawn = np.random.default_rng(seed).permutation(candidates)[:count]
    rows.insert(0, Row(f"{title}, drawn at random", predictions.iloc[drawn]))
    return [row for row in rows if len(row.photos)]


def faces(folder: Path, files: Iterable[str], image_size: int) -> dict[str, str]:
    """The photos ``files`` of ``folder`` as small JPEG files, each a ``data:`` address by name.

    They look as the networks saw them, at ``image_size`` pixels a side, or smaller.

    Raises:
        UserError: a photo cannot be decoded.
    """
    found = {}
    for name in sorted(files):
        try:
            pixels = images.square((folder / name).read_bytes(), image_size)
        except images.RejectedImageError as error:
            raise UserError(f"{folder / name} is damaged ({error})") from None
        image = Image.frombytes("RGB", (image_size, image_size), pixels)
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        found[name] = data_url(image, "JPEG", quality=80, optimize=True)
    return found


def describe(photo: pd.Series) -> dict[str, Any]:
    """The caption of a photo: its ``label``, the ``prediction`` and its ``probability``.

    ``wrong`` says whether the gender is, and ``probability``, that of the predicted gender, is
    empty where gender was not predicted.
    """
    label, prediction, probability, wrong = [], [], "", False
    if "gender_predicted" in photo:
        female = float(photo["gender_predicted"])
        code = int(female >= THRESHOLD)
        label.append("?" if pd.isna(photo["gender"]) else GENDERS[int(photo["gender"])])
        prediction.append(GENDERS[code])
        probability = f"P = {female if code else 1 - female:.2f}"
        wrong = photo["gender_correct"] == 0
    if "age_predicted" in photo:
        lowest, highest = photo.get("age_min", photo["age"]), photo.get("age_max", photo["age"])
        ends = dict.fromkeys(f"{age:.0f}" for age in (lowest, highest) if not pd.isna(age))
        label.append("–".join(ends) or "?")
        prediction.append(f"{float(photo['age_predicted']):.0f}")
    return {
        "label": ", ".join(label),
        "prediction": ", ".join(prediction),
        "probability": probability,
        "wrong": wrong,
    }
