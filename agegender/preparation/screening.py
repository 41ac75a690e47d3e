"""Which of the files that came in are usable photos, and why the others are not."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from agegender.common.parallel import parallel_map
from agegender.download.manifest import Entry
from agegender.photos.labels import Labels
from agegender.photos.photos import Photo
from agegender.preparation import images, names
from agegender.preparation.duplicates import near_duplicates, perceptual_hash, refuse_copies

# Pixels a side of which the perceptual hash is made, and more.
_HASHED_SIDE = 32
_CHUNK = 32

Kind = Literal["source", "name", "image", "duplicate", "contradiction"]


class Rejection(NamedTuple):
    """A file that is no usable photo; ``kind`` says which check refused it."""

    file: str
    kind: Kind
    reason: str


class Candidate(NamedTuple):
    """A file whose name gives labels, and the sha256 of its content."""

    file: str
    digest: bytes
    labels: Labels


def read_labels(entries: Iterable[Entry]) -> tuple[list[Candidate], list[Rejection]]:
    """Part ``entries``, all files that came in, by whether their names give labels."""
    candidates, rejections = [], []
    for entry in entries:
        if entry.reason:
            rejections.append(Rejection(entry.file or entry.source, "source", entry.reason))
            continue
        labels = names.parse(entry.file)
        if isinstance(labels, str):
            rejections.append(Rejection(entry.file, "name", labels))
        else:
            candidates.append(Candidate(entry.file, bytes.fromhex(entry.sha256), labels))
    return candidates, rejections


def hash_photos(paths: Iterable[str], processes: int | None = None) -> Iterator[int | str]:
    """The perceptual hash of each photo of ``paths``, or why it cannot be used; on all cores."""
    return parallel_map(_hash_photo, paths, _CHUNK, processes)


def _hash_photo(path: str) -> int | str:
    with open(path, "rb") as file:
        content = file.read()
    try:
        return perceptual_hash(images.decode(content, _HASHED_SIDE))
    except images.RefusedImageError as error:
        return str(error)


def screen(
    candidates: Iterable[Candidate], hashes: Iterable[int | str], bits: int
) -> tuple[list[Photo], list[Rejection]]:
    """Part ``candidates`` into usable photos, in groups of (nearly) the same, and the others.

    Args:
        candidates: those that `read_labels` found.
        hashes: what `hash_photos` gives for them, in their order.
        bits: photos whose hashes differ by no more are in one group.
    """
    decoded: list[Candidate] = []
    found: list[int] = []
    rejections = []
    for candidate, value in zip(candidates, hashes, strict=True):
        if isinstance(value, str):
            rejections.append(Rejection(candidate.file, "image", value))
        else:
            decoded.append(candidate)
            found.append(value)
    duplicates, contradictions = refuse_copies(decoded)
    rejections += [Rejection(file, "duplicate", why) for file, why in duplicates.items()]
    rejections += [Rejection(file, "contradiction", why) for file, why in contradictions.items()]
    kept = [
        i
        for i, candidate in enumerate(decoded)
        if candidate.file not in duplicates and candidate.file not in contradictions
    ]
    groups = near_duplicates([found[i] for i in kept], bits).tolist()
    photos = [
        Photo(decoded[i].file, *decoded[i].labels, group)
        for i, group in zip(kept, groups, strict=True)
    ]
    return photos, rejections


def write_rejections(path: Path, rejections: Iterable[Rejection]) -> None:
    """Write the files and reasons of ``rejections`` to the CSV file ``path``, sorted."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "reason"))
        writer.writerows(sorted((rejection.file, rejection.reason) for rejection in rejections))


def counts(
    splits: dict[str, list[Photo]], rejections: Sequence[Rejection]
) -> dict[str, dict[str, int]]:
    """How many files came in and where they went, in the form of metrics/split.json."""
    photos = [photo for members in splits.values() for photo in members]
    kinds = Counter(rejection.kind for rejection in rejections)
    shared = [size for size in Counter(photo.group for photo in photos).values() if size > 1]
    return {
        "images": {
            "total": len(photos) + len(rejections),
            **{split: len(members) for split, members in splits.items()},
            "rejected": len(rejections),
        },
        "rejected": {kind: kinds[kind] for kind in get_args(Kind)},
        "near_duplicates": {"groups": len(shared), "photos": sum(shared)},
    }
