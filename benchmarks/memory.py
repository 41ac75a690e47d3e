"""Line 4, memory: each stage that reads images, with the photos repeated up to ten times more."""

import io
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from agegender.photos.photos import read_photos
from benchmarks.measure import peak_memory
from benchmarks.results import Result, overhead
from benchmarks.scale import Scale
from benchmarks.workspace import Workspace, empty

# Networks so small that a pass over the large set takes no longer than reading it; what is read
# and held is the same as ever. VGG16 sees small photos, and its feature maps go to disk.
SMALL = {
    "train_custom": {"epochs": 1, "filters": [4, 4, 4, 4], "dense_units": [8]},
    "train_vgg16": {"epochs": 1, "unfreeze": "block5"},
    "embed_vgg16": {"precision": "bfloat16"},
}
SMALL_PHOTOS = 32
ON_PHOTOS = ("train_custom", "evaluate custom")
ON_SMALL_PHOTOS = ("preprocess", "embed_vgg16", "train_vgg16", "evaluate vgg16", "report")


def measure(workspace: Workspace, scale: Scale, folder: Path) -> list[Result]:
    """Peaks of each stage at both sizes."""
    peaks: list[dict[str, float]] = []
    for count in scale.memory:
        place = folder / f"memory-{count}"
        peaks.append(dict(_peaks(workspace, scale, count, place)))
    few, many = peaks
    small, large = scale.memory
    return [
        overhead(
            f"peak memory of {stage}, {large:,} photos against {small:,}",
            *(many[stage], few[stage], "MiB", 1.1),
        )
        for stage in few
    ]


def _peaks(
    workspace: Workspace, scale: Scale, count: int, folder: Path
) -> Iterator[tuple[str, float]]:
    archive = folder / "photos.tar"
    folder.mkdir()
    repeat(workspace.path / "data", archive, count)
    clone = empty(folder / "clone", scale.parameters)
    clone.set_parameters(download={"source": str(archive)}, **SMALL)
    shutil.copytree(workspace.path / "data/vgg16", clone.path / "data/vgg16")

    def peaks(stages: tuple[str, ...]) -> Iterator[tuple[str, float]]:
        for stage in stages:
            name, *arguments = stage.split()
            command = [sys.executable, "-m", f"stages.{name}", *arguments]
            yield stage, peak_memory(command, clone.path, clone.env)

    yield from peaks(scale.memory_stages)
    if scale.memory_networks:
        yield from peaks(ON_PHOTOS)
        clone.set_parameters(image_size=SMALL_PHOTOS)
        yield from ((f"{stage}, small photos", peak) for stage, peak in peaks(ON_SMALL_PHOTOS))


def repeat(data: Path, archive: Path, count: int) -> None:
    """Write ``count`` photos to a tar: those of all splits, again and again.

    A copy has another timestamp and a few bytes behind its end, so that it is no duplicate by its
    name nor by its bytes; to the eye it is one, and stays in its original's split.
    """
    files = [
        file
        for split in ("train", "validation", "test")
        for file in read_photos(data / f"split/{split}.csv")["file"]
    ]
    with tarfile.open(archive, "w") as tar:
        for number in range(count):
            copy, index = divmod(number, len(files))
            labels, _, rest = files[index].rpartition("_")
            timestamp, _, extension = rest.partition(".")
            content = (data / "raw" / files[index]).read_bytes() + f"{copy}".encode()
            info = tarfile.TarInfo(f"{labels}_{timestamp}{copy:03d}.{extension}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
