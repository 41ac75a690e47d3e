"""Line 4, time: preprocessing against decoding the same JPEGs alone, on all cores."""

import io
from pathlib import Path

from PIL import Image

from agegender.dataset.photos import read_photos
from agegender.dataset.preprocessing import plan, write
from agegender.workers import spread
from benchmarks.measure import interleaved
from benchmarks.results import Result, overhead
from benchmarks.scale import Scale
from benchmarks.workspace import Workspace


def decode_all(paths: list[str]) -> int:
    """Read and decode JPEGs and keep nothing: the least that a preprocessing can do."""
    pixels = 0
    for path in paths:
        with open(path, "rb") as file, Image.open(io.BytesIO(file.read())) as image:
            image.load()
            pixels += image.width * image.height
    return pixels


def measure(workspace: Workspace, scale: Scale, folder: Path) -> list[Result]:
    """Both by as many processes, handed as many photos at a time."""
    data = workspace.path / "data"
    members = [
        photo
        for split in ("train", "validation", "test")
        for photo in read_photos(data / f"split/{split}.csv")
    ][: scale.decoded]
    folder = folder / "preprocessed"
    folder.mkdir()
    shard = 256
    paths = [f"{data}/raw/{photo.file}" for photo in members]
    chunks = [paths[start : start + shard] for start in range(0, len(paths), shard)]

    def ours(image_size: int) -> None:
        tasks = plan(data / "raw", {"train": members}, folder, image_size, shard, 1)
        for _ in write(tasks["train"]):
            pass

    def theirs() -> None:
        for _ in spread(decode_all, chunks):
            pass

    with Image.open(paths[0]) as image:
        size = image.width
    ours_taken, theirs_taken = (
        1000 * taken / len(paths)
        for taken in interleaved(scale.repetitions, lambda: ours(size), theirs)
    )
    return [
        overhead(
            "preprocessing, JPEG to TFRecord, against decoding alone, on all cores",
            *(ours_taken, theirs_taken, "ms a photo", 1.2),
        )
    ]
