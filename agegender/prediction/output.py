"""Predictions as rows of a table, and written into a folder."""

import csv
import json
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path, PurePosixPath

from agegender.evaluation.predictions import DECIMALS
from agegender.prediction.drawing import draw, save
from agegender.prediction.predictor import OUTPUTS, PhotoResult

COLUMNS = ("file", "face", *OUTPUTS, "x", "y", "width", "height", "score", "warning")

Row = dict[str, str | int | float | None]


def rows(result: PhotoResult) -> Iterator[Row]:
    """A row for each face, with the keys `COLUMNS`; one alone for a file without a face.

    ``face`` counts from 1; ``gender`` is the probability of female; ``warning`` also says why a
    file has no face. Numbers are rounded as in the pipeline's own predictions.
    """
    empty: Row = dict.fromkeys(COLUMNS) | {"file": result.file}
    for number, face in enumerate(result.faces, 1):
        outputs = {name: getattr(face, name) for name in OUTPUTS}
        yield {
            **empty,
            "face": number,
            **{
                name: round(value, DECIMALS[name])
                for name, value in outputs.items()
                if value is not None
            },
            **dict(zip(("x", "y", "width", "height"), face.box or (), strict=False)),
            "score": None if face.score is None else round(face.score, 4),
            "warning": face.warning,
        }
    if not result.faces:
        yield {**empty, "warning": result.problem}


def write(
    results: Iterable[PhotoResult], folder: Path | None, crops: bool = False
) -> Generator[PhotoResult, None, None]:
    """Pass on ``results``, and write each into ``folder`` first, if there is one.

    Args:
        results: of any number of files.
        folder: empty. It gets ``predictions.csv``, ``predictions.json``, the photos with boxes and
            labels in ``pictures``, and in ``crops`` what the model saw.
        crops: whether these are written.
    """
    if folder is None:
        yield from results
        return
    (folder / "pictures").mkdir()
    if crops:
        (folder / "crops").mkdir()
    with (
        (folder / "predictions.csv").open("w", encoding="utf-8", newline="") as csv_file,
        (folder / "predictions.json").open("w", encoding="utf-8") as json_file,
    ):
        table = csv.DictWriter(csv_file, COLUMNS, lineterminator="\n")
        table.writeheader()
        json_file.write("[")
        separator = "\n"
        try:
            for result in results:
                for row in rows(result):
                    table.writerow(row)
                    json_file.write(separator + json.dumps(row, ensure_ascii=False))
                    separator = ",\n"
                _write_pictures(result, folder, crops)
                yield result
        finally:
            json_file.write("\n]\n")


def _write_pictures(result: PhotoResult, folder: Path, crops: bool) -> None:
    # A photo's own name, without folders; a zip may come from Windows.
    name = PurePosixPath(result.file.replace("\\", "/")).name
    if result.photo is not None:
        save(draw(result), folder / "pictures", name)
    if crops:
        for number, face in enumerate(result.faces, 1):
            save(face.crop, folder / "crops", f"{Path(name).stem}-face{number}.png")
