"""Predictions as rows: of a table, of predictions.csv and of predictions.json."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from agegender.evaluation.predictions import DECIMALS
from agegender.evaluation.scores import THRESHOLD
from agegender.photos.labels import GENDERS
from agegender.prediction.predictor import OUTPUTS, PhotoResult, Prediction

COLUMNS = ("file", "face", *OUTPUTS, "x", "y", "width", "height", "score", "warning")

Value = str | int | float | None
Row = dict[str, Value]


def rows(result: PhotoResult) -> Iterator[Row]:
    """A row for each face, with the keys `COLUMNS`; one alone for a file without a face.

    ``face`` counts from 1; ``gender`` is the probability of female; ``warning`` also says why a
    file has no face. Numbers are rounded as in the pipeline's own predictions.
    """
    for number, face in enumerate(result.faces, 1):
        x, y, width, height = face.box or (None,) * 4
        outputs = {name: getattr(face, name) for name in OUTPUTS}
        yield {
            "file": result.file,
            "face": number,
            **{
                name: None if value is None else round(value, DECIMALS[name])
                for name, value in outputs.items()
            },
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "score": None if face.score is None else round(face.score, 4),
            "warning": face.warning,
        }
    if not result.faces:
        yield dict.fromkeys(COLUMNS) | {"file": result.file, "warning": result.problem}


def describe(face: Prediction) -> str:
    """A face in a few words: ``female 93 %, 31 (24-40)``."""
    words = []
    if face.gender is not None:
        female = face.gender >= THRESHOLD
        share = face.gender if female else 1 - face.gender
        words.append(f"{GENDERS[female]} {share:.0%}".replace("%", " %"))
    if face.age is not None:
        words.append(f"{face.age:.0f}")
    if face.age_low is not None and face.age_high is not None:
        words[-1] += f" ({face.age_low:.0f}-{face.age_high:.0f})"
    return ", ".join(words)


class Writer:
    """Writes rows to predictions.csv and predictions.json in a folder, as they come."""

    def __init__(self, folder: Path) -> None:
        self._csv = (folder / "predictions.csv").open("w", encoding="utf-8", newline="")
        self._json = (folder / "predictions.json").open("w", encoding="utf-8")
        self._table = csv.DictWriter(self._csv, COLUMNS, lineterminator="\n")
        self._table.writeheader()
        self._json.write("[")
        self._separator = "\n"

    def write(self, row: Row) -> None:
        """Write one row, see `rows`."""
        self._table.writerow(row)
        self._json.write(self._separator + json.dumps(row, ensure_ascii=False))
        self._separator = ",\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._json.write("\n]\n")
        self._csv.close()
        self._json.close()
