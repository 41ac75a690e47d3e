"""The rule by which an epoch is the best one, for training, which keeps it, and for the report."""

import math
from collections.abc import Sequence


def best_epoch(losses: Sequence[float]) -> int:
    """The number, from 0, of the first epoch with the lowest loss; NaN is higher than any loss.

    Args:
        losses: of the validation split after each epoch, at least one.
    """
    ranked = [math.inf if math.isnan(loss) else loss for loss in losses]
    return ranked.index(min(ranked))
