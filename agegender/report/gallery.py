"""Photos with what the models made of them: right ones, wrong ones and the worst."""

import base64
import io
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from agegender.evaluation.predictions import tasks_of
from agegender.photos.example import Example
from agegender.photos.labels import GENDERS

# An age at most so many years off counts as right here.
RIGHT_YEARS = 5
# Pixels a side that a face is kept with, at most; the page shows it smaller, for sharp screens.
_SIDE = 128


class Row(NamedTuple):
    """A row of the gallery: its title, and the rows of the predictions table in it."""

    title: str
    photos: pd.DataFrame


def choose(predictions: pd.DataFrame, count: int, seed: int) -> list[Row]:
    """Rows of at most ``count`` photos each, those without any left out.

    Args:
        predictions: see `agegender.evaluation.predictions.tabulate`.
        count: photos a row.
        seed: of the draw among those that are right.
    """
    tasks = tasks_of(predictions)
    right = pd.Series(True, index=predictions.index)
    rows = []
    if "gender" in tasks:
        correct = predictions["gender_correct"] == 1
        right &= correct
        sure = (predictions["gender_predicted"] - 0.5).abs()
        wrong = predictions.assign(sure=sure)[~correct]
        wrong = wrong.sort_values(["sure", "file"], ascending=[False, True])
        rows.append(Row("Gender wrong, the surest first", wrong.head(count)))
    if "age" in tasks:
        off = predictions["age_error"].abs()
        right &= off <= RIGHT_YEARS
        worst = predictions.assign(off=off).sort_values(["off", "file"], ascending=[False, True])
        rows.append(Row("Age furthest off", worst.head(count)))
    names = {"gender": "gender right", "age": f"age within {RIGHT_YEARS} years"}
    title = " and ".join(names[task] for task in tasks)
    candidates = np.flatnonzero(right)
    drawn = np.random.default_rng(seed).permutation(candidates)[:count]
    rows.insert(0, Row(f"{title[0].upper()}{title[1:]}, drawn at random", predictions.iloc[drawn]))
    return [row for row in rows if len(row.photos)]


def faces(examples: Iterable[Example], files: Iterable[str]) -> dict[str, str]:
    """The photos named ``files`` as small JPEG files, each a ``data:`` address by name."""
    wanted = frozenset(files)
    found = {}
    for each in examples:
        if each.file in wanted:
            side = round((len(each.image) / 3) ** 0.5)
            image = Image.frombytes("RGB", (side, side), each.image)
            image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
            file = io.BytesIO()
            image.save(file, "JPEG", quality=80, optimize=True)
            encoded = base64.b64encode(file.getvalue()).decode()
            found[each.file] = f"data:image/jpeg;base64,{encoded}"
    return found


def describe(photo: pd.Series) -> dict[str, Any]:
    """The caption of a photo: its ``truth``, the ``answer`` of the model, and how ``sure`` it is.

    ``wrong`` tells whether the gender is, and ``sure`` is empty where none was asked for.
    """
    truth, answer, certainty, wrong = [], [], "", False
    if "gender_predicted" in photo:
        probability = float(photo["gender_predicted"])
        called = int(probability >= 0.5)
        sure = probability if called else 1 - probability
        truth.append(GENDERS[int(photo["gender"])])
        answer.append(GENDERS[called])
        certainty = f"{100 * sure:.0f}\N{NO-BREAK SPACE}% sure"
        wrong = called != int(photo["gender"])
    if "age_predicted" in photo:
        truth.append(f"{int(photo['age'])}")
        answer.append(f"{float(photo['age_predicted']):.0f}")
    return {
        "truth": ", ".join(truth),
        "answer": ", ".join(answer),
        "sure": certainty,
        "wrong": wrong,
    }
