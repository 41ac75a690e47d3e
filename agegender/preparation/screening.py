"""Which of the files that came in are usable photos, and why the others are rejected."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agegender.common.parallel import parallel_map
from agegender.download.manifest import Entry
from agegender.photos.labels import GENDERS
from agegender.photos.photos import REQUIRED, count_labels
from agegender.preparation import images
from agegender.preparation.crops import find_crops
from agegender.preparation.duplicates import (
    SIDE,
    find_copies,
    join,
    label_differences,
    near_duplicates,
    thumbnail,
)

_CHUNK = 32

_GENDER_CODES = {name: code for code, name in enumerate(GENDERS)}

# The checks that reject a file, in their order.
KINDS = ("source", "labels", "left_out", "image", "duplicate", "contradiction")
# What is known of a rejected file: its ``kind`` is the check that rejected it. Rows of label tables
# that no file belongs to are listed with them, as the kind "row".
REJECTED = ["file", "kind", "reason"]


def check_labels(entries: Iterable[Entry]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide ``entries``, all files that came in, by whether there are labels for them.

    Returns:
        the files with labels (``file``, ``sha256``, and the columns of
        `agegender.photos.photos.read_photos`), and those rejected (see `REJECTED`).
    """
    labeled, rejected = [], []
    for entry in entries:
        if entry.reason:
            kind = "row" if entry.is_row else "labels" if entry.file else "source"
            rejected.append((entry.file or entry.source, kind, entry.reason))
        else:
            labeled.append({"file": entry.file, **entry.labels, "sha256": entry.sha256})
    files = pd.DataFrame(labeled, columns=list(dict.fromkeys(chain(REQUIRED, *labeled))))
    files = files.fillna("").assign(gender=files["gender"].map(_GENDER_CODES))
    return _with_ages(files), pd.DataFrame(rejected, columns=REJECTED)


def _with_ages(files: pd.DataFrame) -> pd.DataFrame:
    """``files`` with ages as numbers; of a range, its lowest and highest age, and the middle."""
    ends = files["age"].str.partition("-")
    lowest, highest = pd.to_numeric(ends[0]), pd.to_numeric(ends[2])
    if highest.isna().all():
        return files.assign(age=lowest)
    highest = highest.fillna(lowest)
    files = files.assign(age=(lowest + highest) / 2)
    files.insert(3, "age_min", lowest)
    files.insert(4, "age_max", highest)
    return files


def leave_out(
    files: pd.DataFrame, named: Collection[str], why: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Those of ``files`` that are ``named``; the others, `REJECTED` for the reason ``why``."""
    chosen = files["file"].isin(named)
    return files[chosen], files.loc[~chosen, ["file"]].assign(kind="left_out", reason=why)


def read_thumbnails(paths: Iterable[str]) -> Iterator[NDArray[np.uint8] | str]:
    """The thumbnail of each photo of ``paths``, or why it is rejected; on all cores."""
    return parallel_map(_read_thumbnail, paths, _CHUNK)


def _read_thumbnail(path: str) -> NDArray[np.uint8] | str:
    try:
        return thumbnail(images.decode(Path(path).read_bytes(), SIDE))
    except images.RejectedImageError as error:
        return str(error)


class Checked(NamedTuple):
    """What `check_images` found out.

    Attributes:
        photos: the files that are usable, with a column ``group``.
        rejected: the others, see `REJECTED`.
        pairs: see `near_duplicates`; those of `find_crops` are ``cropped``, too.
        copies: see `label_differences`.
    """

    photos: pd.DataFrame
    rejected: pd.DataFrame
    pairs: dict[str, int]
    copies: dict[str, Any]


def check_images(
    folder: Path,
    files: pd.DataFrame,
    thumbnails: Iterable[NDArray[np.uint8] | str],
    correlation: float,
    keep_copies: bool = False,
) -> Checked:
    """Divide ``files`` into usable photos, in groups of near-duplicates, and the others.

    Args:
        folder: of the photos.
        files: those with labels, see `check_labels`.
        thumbnails: of `read_thumbnails`, in the order of ``files``.
        correlation: see `near_duplicates`.
        keep_copies: photos of the same bytes share a group; else they are rejected, see
            `find_copies`.
    """
    files = files.assign(thumbnail=pd.Series(list(thumbnails), index=files.index, dtype=object))
    corrupt = files["thumbnail"].map(lambda value: isinstance(value, str)).astype(bool)
    decoded = files[~corrupt]
    contents = decoded.drop_duplicates("sha256")
    compared = np.array(contents["thumbnail"].tolist(), np.uint8).reshape(-1, SIDE, SIDE)
    groups, pairs = near_duplicates(compared, correlation)
    group_of = dict(zip(contents["sha256"], groups, strict=True))
    decoded = decoded.drop(columns="thumbnail").assign(group=decoded["sha256"].map(group_of))
    # Before crops are joined: they are looked for among photos of the same labels.
    differences = label_differences(decoded)

    copies = find_copies(decoded.iloc[:0] if keep_copies else decoded.drop(columns="group"))
    photos = decoded[~decoded["file"].isin(copies["file"])].drop(columns="sha256")
    groups = pd.factorize(photos["group"])[0]
    crops = np.array(list(find_crops([folder / file for file in photos["file"]], groups)), np.intp)
    pairs["cropped"] += len(crops)
    groups = join(groups, *crops.reshape(-1, 2).T)
    unreadable = files[corrupt].rename(columns={"thumbnail": "reason"}).assign(kind="image")
    rejected = pd.concat([unreadable[REJECTED], copies], ignore_index=True)
    return Checked(photos.assign(group=groups), rejected, pairs, differences)


def write_rejected(path: Path, rejected: pd.DataFrame) -> None:
    """Write the files of ``rejected`` and the reasons to the CSV file ``path``, sorted."""
    table = rejected[["file", "reason"]].sort_values(["file", "reason"])
    table.to_csv(path, index=False, lineterminator="\n")


def join_people(photos: pd.DataFrame) -> pd.DataFrame:
    """``photos`` with one ``group`` for all photos of a ``person``, where there is that column."""
    if "person" not in photos:
        return photos
    places = pd.Series(np.arange(len(photos)), index=photos.index)
    first = places.groupby(photos["person"]).transform("first")
    known = photos["person"] != ""
    return photos.assign(group=join(photos["group"].to_numpy(), first[known], places[known]))


def counts(
    checked: Checked, splits: Mapping[str, pd.DataFrame], rejected: pd.DataFrame
) -> dict[str, Any]:
    """How many files came in and where they went, in the form of metrics/split.json.

    They are the photos of ``checked``, which are in ``splits``, and all that were ``rejected``.
    """
    photos = checked.photos
    shared = photos["group"].value_counts()
    shared = shared[shared > 1]
    kinds = rejected["kind"].value_counts()
    rows = int(kinds.get("row", 0))
    files = len(rejected) - rows
    return {
        "images": {
            "total": len(photos) + files,
            **{split: len(members) for split, members in splits.items()},
            "rejected": files,
        },
        "rejected": {kind: int(kinds.get(kind, 0)) for kind in KINDS},
        "near_duplicates": {
            "groups": len(shared),
            "photos": int(shared.sum()),
            "pairs": checked.pairs,
        },
        "copies": checked.copies,
        "labels": count_labels(photos),
        **({"people": _count_people(splits)} if "person" in photos else {}),
        **({"unmatched_rows": rows} if rows else {}),
    }


def _count_people(splits: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    people = {split: {*members["person"]} - {""} for split, members in splits.items()}
    photos = sum(int((members["person"] != "").sum()) for members in splits.values())
    counted = {split: len(names) for split, names in people.items()}
    return {"total": len(set().union(*people.values())), **counted, "photos": photos}
