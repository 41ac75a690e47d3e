"""Two models compared on the same photos."""

import pandas as pd

from agegender.evaluation.bootstrap import Estimate, replicate
from agegender.evaluation.predictions import tasks_of
from agegender.evaluation.scores import CUMULATIVE, Score, scores_of


def compare(
    first: pd.DataFrame, second: pd.DataFrame, samples: int, seed: int
) -> dict[Score, Estimate]:
    """The second model's scores less the first's, of those that both have, and CS@k for every k.

    Both are scored on the same resamples, see `replicate`, so that what makes a photo hard for both
    cancels out.

    Raises:
        ValueError: the predictions are not of the same photos in the same order.
    """
    if list(first["file"]) != list(second["file"]):
        raise ValueError("the predictions are not of the same photos")
    others = scores_of(second)
    scores = [score for score in scores_of(first) if score in others]
    if "age" in tasks_of(first) and CUMULATIVE[0].rows(first).any():
        scores = list(dict.fromkeys((*scores, *CUMULATIVE)))
    one, other = (replicate(each, scores, samples, seed)[0] for each in (first, second))
    return other.minus(one).estimates()
