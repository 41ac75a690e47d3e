"""Photos that are the same, byte for byte or to the eye."""

from collections.abc import Sequence

import imagehash
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from agegender.photos.photos import LABELS

# Comparisons at a time: 8 MiB of differences, whatever the number of photos.
_COMPARISONS = 2**20


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit perceptual hash (DCT) of ``image``; similar pictures differ in few bits."""
    return int(str(imagehash.phash(image)), 16)


def find_copies(photos: pd.DataFrame) -> pd.DataFrame:
    """Which of ``photos`` say nothing that another does not, or contradict one, and why.

    Of byte-identical photos with the same labels all but the first are duplicates. Where their
    labels differ nobody can tell which is right, and all are contradictions.

    Args:
        photos: columns ``file``, ``sha256``, ``age``, ``gender`` and ``race``, in the order that
            decides which is first.

    Returns:
        columns ``file``, ``kind`` (``duplicate`` or ``contradiction``) and ``reason``.
    """
    found = []
    repeated = photos[photos.duplicated("sha256", keep=False)]
    for _, copies in repeated.groupby("sha256", sort=False):
        labelled = list(copies[LABELS].itertuples(index=False, name=None))
        first_with: dict[tuple[int, ...], str] = {}
        for file, *labels in labelled:
            first_with.setdefault(tuple(labels), file)
        for number, (file, *labels) in enumerate(labelled):
            others = (other for other in first_with if other != tuple(labels))
            if (other := next(others, None)) is not None:
                reason = f"same photo as {first_with[other]}, which has other labels"
                found.append((file, "contradiction", reason))
            elif number:
                found.append((file, "duplicate", f"duplicate of {labelled[0][0]}"))
    return pd.DataFrame(found, columns=["file", "kind", "reason"])


def near_duplicates(hashes: Sequence[int] | NDArray[np.uint64], bits: int) -> NDArray[np.intp]:
    """Group photos whose hashes differ in at most ``bits`` bits, directly or through others.

    Every pair of different hashes is compared: time grows with the square of their number (a
    second or so for 25,000), memory in proportion to it.

    Args:
        hashes: 64-bit numbers, shape (n,).
        bits: the greatest Hamming distance within a pair.

    Returns:
        the group of each photo, shape (n,), numbered from 0 in order of first appearance.
    """
    different, which = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    groups = np.arange(len(different))
    rows = max(1, _COMPARISONS // max(1, len(different)))
    for start in range(0, len(different), rows):
        distances = np.bitwise_count(different[start : start + rows, None] ^ different[start:])
        near, far = np.nonzero(distances <= bits)
        near, far = groups[near + start], groups[far + start]
        if np.any(near != far):
            links = coo_array((np.ones(len(near)), (near, far)), shape=(len(groups), len(groups)))
            groups = connected_components(links, directed=False)[1][groups]
    return pd.factorize(groups[which])[0]
