"""Parting photos into training, validation and test so that none leaks from one to another."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agegender.common.errors import UserError
from agegender.photos.photos import SPLITS, Photo

# First ages of the age groups behind the first one: the groups of FairFace (Kärkkäinen and Joo,
# WACV 2021).
AGE_GROUP_STARTS = (3, 10, 20, 30, 40, 50, 60, 70)


def age_group(age: int) -> int:
    """The number of the age group, from 0: 0 to 2 years, 3 to 9, 10 to 19, ..., 70 and more."""
    return bisect_right(AGE_GROUP_STARTS, age)


def part(
    photos: Sequence[Photo], validation: float, test: float, seed: int
) -> dict[str, list[Photo]]:
    """Part ``photos`` into train, validation and test, whole groups together.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011) by gender and age
    group: the groups, the largest first and otherwise in an order drawn from ``seed``, go one by
    one to the split that lacks most photos of their kind. A split that is full takes no more, so
    the sizes are exact as far as groups can be parted, and none is empty. scikit-learn's
    StratifiedGroupKFold knows equal shares only.

    Args:
        photos: at least 3 different groups of them; their order does not matter.
        validation: share of the photos, between 0 and 1.
        test: likewise; the rest is for training.
        seed: of the draw.

    Returns:
        the photos of each split in the order of their file names.

    Raises:
        UserError: there are fewer than 3 different groups.
    """
    photos = sorted(photos, key=lambda photo: (photo.group, photo.file))
    _, starts, lengths = np.unique(
        np.array([photo.group for photo in photos], dtype=np.int64),
        return_index=True,
        return_counts=True,
    )
    if len(starts) < len(SPLITS):
        raise UserError(
            f"{len(photos)} usable photos, of which {len(starts)} differ, cannot be parted into "
            f"{', '.join(SPLITS)}: at least 3 different ones are needed; give more photos"
        )
    rows = {kind: row for row, kind in enumerate(sorted({_kind(photo) for photo in photos}))}
    kinds = np.array([rows[_kind(photo)] for photo in photos])
    shares = np.array([1 - validation - test, validation, test])
    # Photos that each split still lacks, in all and by kind; shapes (3,) and (kinds, 3).
    lacking = _sizes(len(photos), shares)
    lacking_kinds = np.outer(np.bincount(kinds), shares)

    drawn = np.random.default_rng(seed).permutation(len(starts))
    drawn = drawn[np.argsort(-lengths[drawn], kind="stable")]
    places = np.empty(len(photos), np.int8)
    empty = np.ones(len(SPLITS), bool)
    for done, group in enumerate(drawn):
        members = slice(starts[group], starts[group] + lengths[group])
        counts = np.bincount(kinds[members], minlength=len(rows))
        if empty.sum() == len(drawn) - done:
            eligible = empty
        else:
            eligible = lacking >= min(lengths[group], lacking.max())
        chosen = int(np.argmax(np.where(eligible, counts @ lacking_kinds, -np.inf)))
        places[members] = chosen
        empty[chosen] = False
        lacking[chosen] -= lengths[group]
        lacking_kinds[:, chosen] -= counts
    return {
        split: sorted(photos[i] for i in np.flatnonzero(places == place))
        for place, split in enumerate(SPLITS)
    }


def _kind(photo: Photo) -> tuple[int, int]:
    return photo.gender, age_group(photo.age)


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
