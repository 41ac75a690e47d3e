"""Splitting photos into training, validation and test so that none leaks from one to another."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agegender.common.errors import UserError
from agegender.photos.photos import SPLITS

# First ages of all age groups but the first: the groups of FairFace (Kärkkäinen and Joo, WACV
# 2021).
AGE_GROUP_STARTS = (3, 10, 20, 30, 40, 50, 60, 70)


def split_photos(
    photos: pd.DataFrame, validation: float, test: float, seed: int
) -> dict[str, pd.DataFrame]:
    """Split ``photos`` into train, validation and test, whole groups together.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011) by gender and age
    group: the groups, the largest first and otherwise in an order drawn from ``seed``, go one by
    one to the split that lacks most photos of their kind. A split that is full takes no more, so
    the sizes are exact as far as whole groups allow, and none is empty. scikit-learn's
    StratifiedGroupKFold knows equal shares only.

    Args:
        photos: columns ``file``, ``age``, ``gender`` and ``group``, with at least 3 different
            groups; the order of the rows does not matter.
        validation: share of the photos, between 0 and 1.
        test: likewise; the rest is for training.
        seed: of the draw.

    Returns:
        the photos of each split in the order of their file names.

    Raises:
        UserError: there are fewer than 3 different groups.
    """
    photos = photos.sort_values(["group", "file"], ignore_index=True)
    _, starts, lengths = np.unique(photos["group"], return_index=True, return_counts=True)
    if len(starts) < len(SPLITS):
        raise UserError(
            f"{len(photos)} usable photos, of which {len(starts)} differ, cannot be split into "
            f"{', '.join(SPLITS)}: at least 3 different ones are needed; give more photos"
        )
    age_groups = np.digitize(photos["age"], AGE_GROUP_STARTS)
    strata = photos["gender"].to_numpy() * (len(AGE_GROUP_STARTS) + 1) + age_groups
    strata = np.unique(strata, return_inverse=True)[1]
    shares = np.array([1 - validation - test, validation, test])
    # Photos that each split still lacks, in all and by stratum; shapes (3,) and (strata, 3).
    lacking = _sizes(len(photos), shares)
    lacking_strata = np.outer(np.bincount(strata), shares)

    drawn = np.random.default_rng(seed).permutation(len(starts))
    drawn = drawn[np.argsort(-lengths[drawn], kind="stable")]
    places = np.empty(len(photos), np.int8)
    empty = np.ones(len(SPLITS), bool)
    for done, group in enumerate(drawn):
        members = slice(starts[group], starts[group] + lengths[group])
        counts = np.bincount(strata[members], minlength=len(lacking_strata))
        if empty.sum() == len(drawn) - done:
            eligible = empty
        else:
            eligible = lacking >= min(lengths[group], lacking.max())
        chosen = int(np.argmax(np.where(eligible, counts @ lacking_strata, -np.inf)))
        places[members] = chosen
        empty[chosen] = False
        lacking[chosen] -= lengths[group]
        lacking_strata[:, chosen] -= counts
    return {
        split: photos[places == place].sort_values("file", ignore_index=True)
        for place, split in enumerate(SPLITS)
    }


def _sizes(total: int, shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers in proportion to ``shares`` (largest remainders), none of them 0."""
    exact = total * shares
    sizes = np.floor(exact).astype(np.int64)
    order = np.argsort(sizes - exact, kind="stable")
    sizes[order[: total - sizes.sum()]] += 1
    while not sizes.all():
        sizes[sizes.argmax()] -= 1
        sizes[sizes.argmin()] += 1
    return sizes
