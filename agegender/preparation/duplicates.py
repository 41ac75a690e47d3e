"""Photos that are the same, byte for byte or to the eye."""

from collections import Counter
from collections.abc import Sequence

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from agegender.photos.labels import Labels

# Comparisons at a time: 8 MiB of differences, whatever the number of photos.
_COMPARISONS = 2**20


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit perceptual hash (DCT) of ``image``; alike pictures differ in few bits."""
    return int(str(imagehash.phash(image)), 16)


def refuse_copies(
    photos: Sequence[tuple[str, bytes, Labels]],
) -> tuple[dict[str, str], dict[str, str]]:
    """Which of ``photos`` say nothing that another does not, or contradict one, and why.

    Of byte-identical photos with the same labels all but the first are refused. Where their
    labels differ nobody can tell which is right, and all are refused.

    Args:
        photos: file name, sha256 and labels of each, in the order that decides who is first.

    Returns:
        the duplicates and the contradictions; the reason by file name.
    """
    seen = Counter(digest for _, digest, _ in photos)
    same: dict[bytes, list[tuple[str, Labels]]] = {}
    for file, digest, labels in photos:
        if seen[digest] > 1:
            same.setdefault(digest, []).append((file, labels))
    duplicates, contradictions = {}, {}
    for (first, labels), *copies in same.values():
        other = next((file for file, others in copies if others != labels), None)
        if other is not None:
            contradictions[first] = f"same photo as {other}, which has other labels"
        for file, others in copies:
            if other is None:
                duplicates[file] = f"duplicate of {first}"
            elif others != labels:
                contradictions[file] = f"same photo as {first}, which has other labels"
            else:
                contradictions[file] = f"same photo as {other}, which has other labels"
    return duplicates, contradictions


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
    return _numbered_by_appearance(groups[which])


def _numbered_by_appearance(groups: NDArray[np.intp]) -> NDArray[np.intp]:
    _, first, which = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which]
