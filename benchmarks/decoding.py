"""Preprocessing and decoding alone, in a program as small as the stage's.

`python -m benchmarks.decoding DATA FOLDER PHOTOS REPETITIONS` prints a line of JSON.
Worker processes import the program that starts them, and so it imports little.
"""

import io
import json
import shutil
import sys
from functools import partial
from pathlib import Path

import pandas as pd
from PIL import Image

from agegender.common.parallel import available_cores, parallel_map
from agegender.photos.photos import SPLITS, read_photos
from agegender.preparation import images
from agegender.preparation.preprocessing import squares
from benchmarks.measure import interleaved

# Photos that a process is handed at a time.
SHARD = 256


def decode_all(paths: list[str]) -> int:
    """Read and decode JPEGs by Pillow, and keep nothing."""
    pixels = 0
    for path in paths:
        with open(path, "rb") as file, Image.open(io.BytesIO(file.read())) as image:
            image.load()
            pixels += image.width * image.height
    return pixels


def usable_all(size: int, paths: list[str]) -> int:
    """Read, check and decode photos as preprocessing to this size does, and keep nothing."""
    pixels = 0
    for path in paths:
        with open(path, "rb") as file:
            pixels += len(images.square(file.read(), size)) // 3
    return pixels


def nothing(_: int) -> None:
    """What a process is handed that only has to start."""


def main(data: str, folder: str, photos: str, repetitions: str) -> None:
    """Measure and print milliseconds a photo.

    The first four are by one process a core: preprocessing, decoding by Pillow, decoding as
    preprocessing does, and starting the processes. The others are of one shard in this process
    alone: decoding by Pillow, what preprocessing does to the pixels, and what to write them.
    """
    # The processes import this module, and need no TensorFlow.
    from agegender.photos.writer import write_records

    tables = [read_photos(Path(data) / f"split/{split}.csv") for split in SPLITS]
    members = pd.concat(tables)[: int(photos)]
    raw, target = Path(data) / "raw", Path(folder)
    paths = [f"{raw}/{file}" for file in members["file"]]
    chunks = [paths[start : start + SHARD] for start in range(0, len(paths), SHARD)]
    with Image.open(paths[0]) as image:
        size = image.width

    def empty() -> None:
        # Deleting what was written before is no part of it.
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()

    def preprocess() -> None:
        write_records(target, size, labels, squares(paths, size), SHARD)

    def decode() -> None:
        for _ in parallel_map(decode_all, chunks):
            pass

    def usable() -> None:
        for _ in parallel_map(partial(usable_all, size), chunks):
            pass

    def start() -> None:
        for _ in parallel_map(nothing, range(available_cores())):
            pass

    def pixels(path: str) -> bytes:
        with open(path, "rb") as file:
            return images.square(file.read(), size)

    labels = {"train": members}
    some = {"train": labels["train"][: len(chunks[0])]}
    made = [pixels(path) for path in chunks[0]]
    times = int(repetitions)
    taken = interleaved(times, preprocess, decode, usable, start, before=empty)
    alone = interleaved(
        times,
        lambda: decode_all(chunks[0]),
        lambda: [pixels(path) for path in chunks[0]],
        lambda: write_records(target, size, some, made, SHARD),
        before=empty,
    )
    milliseconds = [1000 * seconds / len(paths) for seconds in taken]
    print(json.dumps(milliseconds + [1000 * seconds / len(made) for seconds in alone]))


if __name__ == "__main__":
    main(*sys.argv[1:])
