"""Line 4, time: preprocessing against decoding the same JPEGs alone, on all cores.

`python -m benchmarks.preprocessing DATA FOLDER PHOTOS REPETITIONS` prints both as a line of JSON:
worker processes import the program that starts them, which must be as small as a stage.
"""

import io
import json
import sys
from pathlib import Path

from PIL import Image

from agegender.dataset.photos import SPLITS, read_photos
from agegender.dataset.preprocessing import plan, write
from agegender.workers import spread
from benchmarks.measure import interleaved
from benchmarks.results import Result, overhead
from benchmarks.scale import Scale
from benchmarks.workspace import Workspace

# Photos that a process is handed at a time.
SHARD = 256


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
    arguments = (str(workspace.path / "data"), str(folder / "preprocessed"))
    sizes = (str(scale.decoded), str(scale.repetitions))
    command = (sys.executable, "-m", "benchmarks.preprocessing", *arguments, *sizes)
    ours, theirs = json.loads(workspace.run(*command).splitlines()[-1])
    name = "preprocessing, JPEG to TFRecord, against decoding alone, on all cores"
    return [overhead(name, ours, theirs, "ms a photo", 1.2)]


def main(data: str, folder: str, photos: str, repetitions: str) -> None:
    """Measure and print, milliseconds a photo."""
    members = [
        photo for split in SPLITS for photo in read_photos(Path(data) / f"split/{split}.csv")
    ][: int(photos)]
    raw, target = Path(data) / "raw", Path(folder)
    target.mkdir()
    paths = [f"{raw}/{photo.file}" for photo in members]
    chunks = [paths[start : start + SHARD] for start in range(0, len(paths), SHARD)]
    with Image.open(paths[0]) as image:
        size = image.width

    def ours() -> None:
        for _ in write(plan(raw, {"train": members}, target, size, SHARD, 1)["train"]):
            pass

    def theirs() -> None:
        for _ in spread(decode_all, chunks):
            pass

    taken = interleaved(int(repetitions), ours, theirs)
    print(json.dumps([1000 * seconds / len(paths) for seconds in taken]))


if __name__ == "__main__":
    main(*sys.argv[1:])
