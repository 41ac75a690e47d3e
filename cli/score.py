"""``python -m agegender score``: a model on photos of another origin, with labels."""

import argparse
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from agegender.common.errors import UserError
from agegender.common.progress import progress_bar
from agegender.download.archive import NO_IMAGE
from agegender.download.paths import local_file
from agegender.download.source import fetch_photos
from agegender.evaluation.bootstrap import replicate
from agegender.evaluation.metrics import by_task
from agegender.evaluation.predictions import tabulate
from agegender.evaluation.scores import scores_of
from agegender.preparation.images import MAX_PIXELS, RejectedImageError, decode
from agegender.preparation.screening import check_labels
from cli import predict
from cli.metrics import print_table, title, with_interval
from stages.common.stage import project_root

if TYPE_CHECKING:
    from agegender.prediction.predictor import Prediction, Predictor

logger = logging.getLogger(__name__)

SAMPLES, SEED = 1000, 1
FACES = "faces"


def score(arguments: argparse.Namespace) -> None:
    """Print what a model scores on photos of another origin, with bootstrap intervals.

    Raises:
        UserError: the arguments are of no use, or no photo has labels.
    """
    share = _share(arguments.crop)
    path = predict.choose(arguments.model)
    with tempfile.TemporaryDirectory(prefix="photos-") as temporary:
        folder = Path(temporary, "photos")
        folder.mkdir()
        labels = _fetch(arguments.source, arguments.labels, folder)
        predictor = predict.load(path, arguments.views, share is not None)
        predictions, missed = _predict(predictor, folder, labels, share)
    print(f"{path} on {len(predictions):,} photos of {arguments.source}; {missed}")
    _print_scores(predictions)


def _share(crop: str) -> float | None:
    """The share of the width that is looked at; None where faces are to be found."""
    if crop == FACES:
        return None
    try:
        share = float(crop)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UserError(f"--crop is {crop!r}; expected a share above 0, at most 1, or `{FACES}`")
    return share


def _fetch(source: str, table: str | None, folder: Path) -> pd.DataFrame:
    """The labels of the photos of ``source``, which are put into ``folder``."""
    base = project_root()
    given = None if table is None else local_file(table, base)
    entries = fetch_photos(source, folder, base, folder.with_name("downloads"), table=given)
    labels, rejected = check_labels(entries)
    # The table itself is none.
    photos = rejected[rejected["reason"] != NO_IMAGE]
    if len(photos):
        logger.warning("photos left out, without labels or unreadable: %d", len(photos))
    return labels


def _look(predictor: "Predictor", photo: Image.Image, share: float | None) -> "Prediction | None":
    """What the model says of a photo's center, or of the face that the detector is surest of."""
    if share is None:
        return max(predictor(photo), key=lambda face: face.score or 0.0, default=None)
    half = min(share * photo.width, photo.height) / 2
    x, y = photo.width / 2, photo.height / 2
    (prediction,) = predictor(
        photo.crop((round(x - half), round(y - half), round(x + half), round(y + half)))
    )
    return prediction


def _predict(
    predictor: "Predictor", folder: Path, labels: pd.DataFrame, share: float | None
) -> tuple[pd.DataFrame, str]:
    """The predictions of all photos that can be judged, and how many cannot, in words."""
    from agegender.prediction.predictor import OUTPUTS

    rows, found, unreadable = [], [], 0
    files = progress_bar(labels["file"], desc="scoring", unit="photos", total=len(labels))
    for row, file in enumerate(files):
        try:
            photo = decode((folder / file).read_bytes(), MAX_PIXELS)
        except RejectedImageError:
            unreadable += 1
            continue
        if prediction := _look(predictor, photo, share):
            rows.append(row)
            found.append(prediction)
    if not found:
        raise UserError("none of the photos could be judged")
    outputs = {
        name: np.array([getattr(each, name) for each in found])
        for name in OUTPUTS
        if getattr(found[0], name) is not None
    }
    judged = labels.iloc[rows].drop(columns="sha256").reset_index(drop=True)
    faceless = len(labels) - unreadable - len(found)
    return tabulate(judged, outputs), f"{faceless} more show no face, {unreadable} cannot be read"


def _print_scores(predictions: pd.DataFrame) -> None:
    scores = scores_of(predictions)
    estimates = by_task(replicate(predictions, scores, SAMPLES, SEED)[0].estimates())
    rows = [[title(each), with_interval(each, estimates[each.task])] for each in scores]
    print_table(["", "value (95 % interval)"], rows)
