"""Which of the files that came in are usable photos, and why the others are rejected."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from agegender.common.parallel import parallel_map
from agegender.download.manifest import Entry
from agegender.photos.photos import LABELS
from agegender.preparation import images, names
from agegender.preparation.duplicates import find_copies, near_duplicates, perceptual_hash

# Pixels a side, at least, of which the perceptual hash is made.
_HASHED_SIDE = 32
_CHUNK = 32

# The checks that reject a file, in their order.
KINDS = ("source", "name", "image", "duplicate", "contradiction")
# What is known of a rejected file: its ``kind`` is the check that rejected it.
REJECTED = ["file", "kind", "reason"]


def check_names(entries: Iterable[Entry]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide ``entries``, all files that came in, by whether their names give labels.

    Returns:
        the files with labels (`photos.LABELS` and ``sha256``), and those
        rejected (see `REJECTED`).
    """
    labelled, rejected = [], []
    for entry in entries:
        if entry.reason:
            rejected.append((entry.file or entry.source, "source", entry.reason))
            continue
        labels = names.parse(entry.file)
        if isinstance(labels, str):
            rejected.append((entry.file, "name", labels))
        else:
            labelled.append((entry.file, *labels, entry.sha256))
    return pd.DataFrame(labelled, columns=[*LABELS, "sha256"]), pd.DataFrame(
        rejected, columns=REJECTED
    )


def hash_photos(paths: Iterable[str], processes: int | None = None) -> Iterator[int | str]:
    """The perceptual hash of each photo of ``paths``, or why it is rejected; on all cores."""
    return parallel_map(_hash_photo, paths, _CHUNK, processes)


def _hash_photo(path: str) -> int | str:
    try:
        return perceptual_hash(images.decode(Path(path).read_bytes(), _HASHED_SIDE))
    except images.RejectedImageError as error:
        return str(error)


def check_images(
    files: pd.DataFrame, hashes: Iterable[int | str], bits: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide ``files`` into usable photos, in groups of (nearly) the same, and the others.

    Args:
        files: those whose names give labels, see `check_names`.
        hashes: what `hash_photos` gives for them, in their order.
        bits: photos whose hashes differ by no more are in one group.

    Returns:
        ``files`` that are usable, with a column ``group``, and those rejected (see `REJECTED`).
    """
    files = files.assign(hash=pd.Series(list(hashes), index=files.index, dtype=object))
    corrupt = files["hash"].map(lambda value: isinstance(value, str)).astype(bool)
    decoded = files[~corrupt]
    copies = find_copies(decoded)
    kept = decoded[~decoded["file"].isin(copies["file"])]
    photos = kept.assign(group=near_duplicates(kept["hash"].tolist(), bits))
    unreadable = files[corrupt].rename(columns={"hash": "reason"}).assign(kind="image")
    return photos, pd.concat([unreadable[REJECTED], copies], ignore_index=True)


def write_rejected(path: Path, rejected: pd.DataFrame) -> None:
    """Write the files of ``rejected`` and the reasons to the CSV file ``path``, sorted."""
    table = rejected[["file", "reason"]].sort_values(["file", "reason"])
    table.to_csv(path, index=False, lineterminator="\n")


def counts(splits: Mapping[str, pd.DataFrame], rejected: pd.DataFrame) -> dict[str, dict[str, int]]:
    """How many files came in and where they went, in the form of metrics/split.json."""
    photos = pd.concat(splits.values())
    shared = photos["group"].value_counts()
    shared = shared[shared > 1]
    return {
        "images": {
            "total": len(photos) + len(rejected),
            **{split: len(members) for split, members in splits.items()},
            "rejected": len(rejected),
        },
        "rejected": {kind: int((rejected["kind"] == kind).sum()) for kind in KINDS},
        "near_duplicates": {"groups": len(shared), "photos": int(shared.sum())},
    }
