"""Photos that are the same, byte for byte or to the eye."""

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# Pixels a side of the thumbnails that are compared.
SIDE = 32
# Standard deviation in gray levels below which a picture shows too little to be compared.
_MIN_CONTRAST = 4
# Another crop: up to twice this share of the sides is cut off. Such pairs correlate less by at
# most _CROP_LOSS before the crop is allowed for.
_CROPPED = 0.02
_CROP_LOSS = 0.1
# Photos of either side, and pairs of photos, that are compared at a time: their numbers in
# floating point take eight times the memory of the thumbnails.
_BLOCK = 1024
_PAIRS = 4096


def thumbnail(image: Image.Image) -> NDArray[np.uint8]:
    """``image`` in gray, squeezed to shape (32, 32)."""
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def find_copies(photos: pd.DataFrame) -> pd.DataFrame:
    """Which of ``photos`` say nothing that another does not, or contradict one, and why.

    Of byte-identical ``photos`` (columns ``file``, ``sha256`` and the labels) all but the first are
    duplicates. Where their labels differ nobody can tell which is right, and all are
    contradictions. An unknown label (NaN) equals another unknown one, and differs from known ones.

    Returns:
        columns ``file``, ``kind`` (``duplicate`` or ``contradiction``) and ``reason``.
    """
    found = []
    names = [column for column in photos if column not in ("file", "sha256")]
    # Photos have the same number if all their labels are the same.
    labels = photos.groupby(names, dropna=False).ngroup()
    repeated = photos[photos.duplicated("sha256", keep=False)]
    for _, copies in repeated.assign(labels=labels).groupby("sha256", sort=False):
        first, *others = copies.drop_duplicates("labels")["file"]
        if not others:
            found += [(file, "duplicate", f"duplicate of {first}") for file in copies["file"][1:]]
            continue
        like_first = copies["labels"] == copies["labels"].iloc[0]
        for file, alike in zip(copies["file"], like_first, strict=True):
            reason = f"same photo as {others[0] if alike else first}, which has other labels"
            found.append((file, "contradiction", reason))
    return pd.DataFrame(found, columns=["file", "kind", "reason"])


def label_differences(photos: pd.DataFrame) -> dict[str, Any]:
    """How far the labels of the same photo differ.

    A model gives copies one answer, so it misses their ages by at least half of their difference
    on average, and the gender of one of two that differ.

    Args:
        photos: columns ``age`` and ``gender`` (NaN: unknown), ``group`` (of near-duplicates) and
            ``sha256``.

    Returns:
        of all ``pairs`` of photos in a group, ``age_mae``, the mean absolute difference of their
        ages in years, and ``gender_differs``, the share of pairs of different gender; the same
        under ``identical`` of those of the same bytes. None where there is no pair.
    """
    return {
        **_differences(photos, photos["group"]),
        "identical": _differences(photos, photos["sha256"]),
    }


def _differences(photos: pd.DataFrame, groups: pd.Series) -> dict[str, Any]:
    def pairs(table: pd.DataFrame) -> int:
        sizes = groups[table.index].value_counts()
        return int((sizes * (sizes - 1) // 2).sum())

    def mean(name: str) -> float | None:
        # Sorted within its group of n, the value of rank r, from 0, is the larger one of r pairs
        # and the smaller one of n - 1 - r: no pair need be listed.
        known = photos.dropna(subset=[name]).sort_values(name)
        by_group = known.groupby(groups[known.index])[name]
        rank, size = by_group.cumcount(), by_group.transform("size")
        total = (known[name] * (2 * rank - size + 1)).sum()
        return round(float(total / pairs(known)), 4) if pairs(known) else None

    return {"pairs": pairs(photos), "age_mae": mean("age"), "gender_differs": mean("gender")}


def near_duplicates(
    thumbnails: NDArray[np.uint8], correlation: float
) -> tuple[NDArray[np.intp], dict[str, int]]:
    """Group photos that show the same picture, directly or through others.

    A pair does if the Pearson correlation of its thumbnails, of one's with the other's mirror
    image, or of one's with the other's without its edges is at least ``correlation``. So
    brightness, contrast, size and compression do not count. Pictures without contrast are alone.

    Every pair is compared: time grows with the square of the number of photos (seconds for
    24,000); memory is that of the thumbnails, 1 kB a photo, and as much again.

    Args:
        thumbnails: as `thumbnail` makes them, shape (n, 32, 32).
        correlation: between 0 and 1.

    Returns:
        the group of each photo, shape (n,), numbered from 0 in order of first appearance, and
        the number of pairs that are the ``same``, ``mirrored``, or joined as ``cropped``.
    """
    inside = _without_edges(thumbnails)
    groups = np.arange(len(thumbnails))
    pairs = dict.fromkeys(("same", "mirrored", "cropped"), 0)
    blocks = range(0, len(groups), _BLOCK)
    for start, other_start in combinations_with_replacement(blocks, 2):
        even, odd = _halves(thumbnails[start : start + _BLOCK])
        other_even, other_odd = _halves(thumbnails[other_start : other_start + _BLOCK])
        similar, mirror = even @ other_even.T, odd @ other_odd.T
        # The greater of the correlations with the picture and with its mirror image.
        similar += np.abs(mirror)
        near, far = np.nonzero(similar >= correlation - _CROP_LOSS)
        if start == other_start:
            near, far = near[near < far], far[near < far]
        copies = similar[near, far] >= correlation
        mirrored = int((mirror[near, far][copies] < 0).sum())
        pairs["mirrored"] += mirrored
        pairs["same"] += int(copies.sum()) - mirrored
        near, far = near + start, far + other_start
        groups = join(groups, near[copies], far[copies])
        apart = groups[near] != groups[far]
        near, far = near[apart], far[apart]
        for part in range(0, len(near), _PAIRS):
            one, other = near[part : part + _PAIRS], far[part : part + _PAIRS]
            cropped = _pairwise(thumbnails[one], inside[other]) >= correlation
            cropped |= _pairwise(thumbnails[other], inside[one]) >= correlation
            pairs["cropped"] += int(cropped.sum())
            groups = join(groups, one[cropped], other[cropped])
    return groups, pairs


def _halves(thumbnails: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The parts of standardized pictures that a mirror leaves and that it negates, (n, 512) each.

    The correlation of two pictures is the sum of the products of their parts, and that of one
    with the mirror image of the other the difference: both cost as much as one.
    """
    gray = thumbnails.astype(np.float32)
    gray -= gray.mean(axis=(1, 2), keepdims=True)
    lengths = np.linalg.norm(gray, axis=(1, 2), keepdims=True)
    gray /= np.where(lengths < _MIN_CONTRAST * SIDE, np.inf, lengths * np.sqrt(np.float32(2)))
    left, right = gray[:, :, : SIDE // 2], gray[:, :, : SIDE // 2 - 1 : -1]
    shape = len(gray), SIDE * SIDE // 2
    return (left + right).reshape(shape), (left - right).reshape(shape)


def _pairwise(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The greater of the correlations of each pair of pictures, as they are and mirrored."""
    (even, odd), (other_even, other_odd) = _halves(one), _halves(other)
    mirror = np.einsum("ij,ij->i", odd, other_odd)
    return np.asarray(np.einsum("ij,ij->i", even, other_even) + np.abs(mirror))


def _without_edges(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint8]:
    edge = _CROPPED * SIDE
    box = (edge, edge, SIDE - edge, SIDE - edge)
    inside = np.empty_like(thumbnails)
    for number, gray in enumerate(thumbnails):
        image = Image.fromarray(gray).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box)
        inside[number] = np.asarray(image)
    return inside


def join(groups: NDArray[np.intp], near: ArrayLike, far: ArrayLike) -> NDArray[np.intp]:
    """``groups``, with those of the photos ``near`` and ``far`` united pair by pair.

    They are numbered from 0 in order of first appearance.
    """
    near, far = np.asarray(near, np.intp), np.asarray(far, np.intp)
    if not len(near):
        return groups
    links = coo_array((np.ones(len(near)), (groups[near], groups[far])), shape=(len(groups),) * 2)
    return pd.factorize(connected_components(links, directed=False)[1][groups])[0]
