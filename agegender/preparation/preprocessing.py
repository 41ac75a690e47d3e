"""Bringing photos to one size and into TFRecords, on all cores."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegender.common.errors import UserError
from agegender.common.parallel import spread
from agegender.photos import records
from agegender.photos.example import Example
from agegender.photos.photos import Photo
from agegender.photos.records import Shard
from agegender.preparation import images


class Task(NamedTuple):
    """A shard to be written: ``photos`` of the folder ``raw``, to the file ``target``."""

    raw: Path
    target: Path
    image_size: int
    photos: Sequence[Photo]


def plan(
    raw: Path,
    splits: Mapping[str, Sequence[Photo]],
    folder: Path,
    image_size: int,
    shard_records: int,
    seed: int,
) -> dict[str, list[Task]]:
    """The shards of each split, in order; the photos of a split in an order drawn from ``seed``."""
    tasks = {}
    for number, (split, photos) in enumerate(splits.items()):
        order = np.random.default_rng([seed, number]).permutation(len(photos))
        starts = range(0, len(photos), shard_records)
        tasks[split] = [
            Task(
                raw,
                folder / records.shard_name(split, shard, len(starts)),
                image_size,
                [photos[i] for i in order[start : start + shard_records]],
            )
            for shard, start in enumerate(starts)
        ]
    return tasks


def write(tasks: Sequence[Task], processes: int | None = None) -> Iterator[Shard]:
    """Write the shards of ``tasks``, one process a shard, and yield them in this order.

    A process holds one photo at a time.

    Raises:
        UserError: a photo cannot be decoded.
    """
    return spread(_write_shard, tasks, processes=processes)


def _write_shard(task: Task) -> Shard:
    return records.write_shard(task.target, (_example(task, photo) for photo in task.photos))


def _example(task: Task, photo: Photo) -> Example:
    path = f"{task.raw}/{photo.file}"
    try:
        with open(path, "rb") as file:
            pixels = images.square(file.read(), task.image_size)
    except images.RefusedImageError as error:
        raise UserError(
            f"{path} has changed since the split ({error}); run `dvc repro split`"
        ) from None
    return Example(pixels, photo.file, photo.age, photo.gender, photo.race)
