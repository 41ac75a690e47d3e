"""Splitting photos into training, validation and test so that none leaks from one to another."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
    """Split ``photos`` at random into train, validation and test, see `divide`.

    Args:
        photos: columns ``file``, ``age``, ``gender`` and ``group``, see `divide`.
        validation: share of the photos, between 0 and 1.
        test: likewise; the rest is for training.
        seed: of the draw.

    Raises:
        UserError: there are fewer than 3 different groups.
    """
    parts = divide(photos, [1 - validation - test, validation, test], seed)
    return dict(zip(SPLITS, parts, strict=True))


def split_fold(
    photos: pd.DataFrame, folds: int, fold: int, validation: float, seed: int
) -> dict[str, pd.DataFrame]:
    """Split ``photos``, see `divide`, for the cross-validation's ``fold``, from 0, which is tested.

    The ``folds`` are the same whichever is asked for, so each photo is in the test split of one.
    The share for ``validation`` is of all photos, and less than that of the other folds.

    Raises:
        UserError: there are too few different groups.
    """
    parts = divide(photos, [1 / folds] * folds, seed)
    test = parts.pop(fold)
    share = validation / (1 - 1 / folds)
    train, drawn = divide(pd.concat(parts), [1 - share, share], seed)
    return {"train": train, "validation": drawn, "test": test}


def protocol_of_table(photos: pd.DataFrame) -> dict[str, str]:
    """The split of each of ``photos`` that their label table names, by file name.

    Without photos for training and for the test in its column ``split`` it is no protocol, and
    nothing is returned.
    """
    if "split" not in photos:
        return {}
    named = photos[photos["split"] != ""]
    splits = dict(zip(named["file"], named["split"], strict=True))
    return splits if {"train", "test"} <= {*splits.values()} else {}


def split_by_protocol(
    photos: pd.DataFrame, protocol: Mapping[str, str], validation: float, seed: int
) -> dict[str, pd.DataFrame]:
    """Split ``photos``, see `divide`, as ``protocol``, which names all of them, says.

    If it names none for validation, this share of its training photos is drawn for it, whole
    groups together. Groups that it has in several splits stay there, see `count_protocol`.

    Returns:
        the photos of each split in the order of their file names.

    Raises:
        UserError: a split would be empty.
    """
    places = photos["file"].map(protocol)
    splits = {
        split: photos[places == split].sort_values("file", ignore_index=True) for split in SPLITS
    }
    named = set(protocol.values())
    for split, members in splits.items():
        if split in named and members.empty:
            raise UserError(
                f"none of the photos that the protocol names for {split} is usable; give others"
            )
    if "validation" not in named:
        train, drawn = divide(splits["train"], [1 - validation, validation], seed)
        splits |= {"train": train, "validation": drawn}
    return splits


def count_protocol(
    protocol: Mapping[str, str], files: Iterable[str], splits: Mapping[str, pd.DataFrame]
) -> dict[str, Any]:
    """How much of ``protocol`` could be followed, in the form of metrics/split.json.

    Args:
        protocol: of `protocol.read_protocol`.
        files: the names of all files that came in.
        splits: what `split_by_protocol` made of the usable ones.

    Returns:
        the number of photos that it has ``named``, that are ``missing``, and that were
        ``rejected``; under ``leaks`` the number of ``groups`` of near-duplicates in several
        splits, and of the ``test_photos`` in them.
    """
    missing = len(protocol.keys() - set(files))
    places = pd.concat([members.assign(split=split) for split, members in splits.items()])
    spread = places.groupby("group")["split"].nunique()
    leaking = spread.index[spread > 1]
    return {
        "named": len(protocol),
        "missing": missing,
        "rejected": len(protocol) - missing - len(places),
        "leaks": {
            "groups": len(leaking),
            "test_photos": int(splits["test"]["group"].isin(leaking).sum()),
        },
    }


def divide(photos: pd.DataFrame, shares: Sequence[float], seed: int) -> list[pd.DataFrame]:
    """Divide ``photos`` at random into parts of these ``shares``, whole groups together.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011) by gender and age
    group: the groups, the largest first and otherwise in an order drawn from ``seed``, go one by
    one to the part that lacks most photos of their kind. A part that is full takes no more, so
    the sizes are exact as far as whole groups allow, and none is empty. scikit-learn's
    StratifiedGroupKFold knows equal shares only.

    Args:
        photos: columns ``file``, ``age``, ``gender`` (either may be unknown) and ``group``, with
            at least as many different groups as parts; the order of the rows does not matter.
        shares: of the photos, together 1.
        seed: of the draw.

    Returns:
        the photos of each part in the order of their file names.

    Raises:
        UserError: there are fewer different groups than parts.
    """
    photos = photos.sort_values(["group", "file"], ignore_index=True)
    _, starts, lengths = np.unique(photos["group"], return_index=True, return_counts=True)
    if len(starts) < len(shares):
        raise UserError(
            f"{len(photos)} usable photos, of which {len(starts)} differ, cannot be split into "
            f"{len(shares)} parts: at least {len(shares)} different ones are needed; give more "
            "photos"
        )
    # Unknown labels are one more age group and gender.
    age_groups = np.digitize(photos["age"].fillna(np.inf), [*AGE_GROUP_STARTS, np.inf])
    strata = photos.groupby(["gender", age_groups], dropna=False).ngroup().to_numpy()
    # Photos that each part still lacks, in all and by stratum; shapes (parts,) and (strata, parts).
    lacking = _sizes(len(photos), np.array(shares))
    lacking_strata = np.outer(np.bincount(strata), shares)

    drawn = np.random.default_rng(seed).permutation(len(starts))
    drawn = drawn[np.argsort(-lengths[drawn], kind="stable")]
    places = np.empty(len(photos), np.int8)
    empty = np.ones(len(shares), bool)
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
    return [
        photos[places == place].sort_values("file", ignore_index=True)
        for place in range(len(shares))
    ]


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
