"""Each stage's peak memory with many photos against that with few."""

import io
import shutil
import sys
import tarfile
from pathlib import Path

from benchmarks.measure import peak_memory
from benchmarks.photos import of_splits, paths
from benchmarks.results import Result, cost
from tests.clones import Clone

# Networks so narrow, and for VGG16 photos so small, that arithmetic takes no longer than reading;
# what is read and held is the same. VGG16's block5 is trained, so feature maps go to disk.
NARROW = {
    "train_custom": {"epochs": 1, "filters": [4, 4, 4, 4], "dense_units": [8]},
    "train_vgg16": {"epochs": 1, "unfreeze": "block5"},
    "evaluate": {"bootstrap_samples": 100},
}
SMALL = 32
STAGES = ("download", "split", "preprocess", "align", "train_custom", "evaluate custom")
STAGES_ON_SMALL = ("embed_vgg16", "train_vgg16", "evaluate vgg16", "report")


def measure(clone: Clone, quick: bool) -> list[Result]:
    """Peaks of all stages at both sizes."""
    clone.dvc("repro", "split", "download_vgg16", "download_yunet")
    # The training split of the smaller one, 70 %, fills the buffer for shuffling.
    small, large = (60, 120) if quick else (3_000, 24_000)
    few, many = _peaks(clone, small), _peaks(clone, large)
    sizes = f"{large:,} photos against {small:,}"
    return [
        cost(f"peak memory of {stage}, {sizes}", many[stage], few[stage], "MiB", 1.1)
        for stage in few
    ]


def _peaks(clone: Clone, count: int) -> dict[str, float]:
    folder = clone.path.parent / f"memory-{count}"
    other = Clone.of_working_tree(folder)
    repeat(clone, folder / "photos.tar", count)
    other.set_parameters(download={"source": str(folder / "photos.tar")}, **NARROW)
    for name in ("data/vgg16", "data/yunet"):
        shutil.copytree(clone.path / name, other.path / name)

    def peak(stage: str) -> float:
        script, *arguments = stage.split()
        return peak_memory(other, sys.executable, "-m", f"stages.{script}", *arguments)

    peaks = {stage: peak(stage) for stage in STAGES}
    other.set_parameters(image_size=SMALL)
    other.run(sys.executable, "-m", "stages.preprocess")
    peaks |= {stage: peak(stage) for stage in STAGES_ON_SMALL}
    shutil.rmtree(folder)
    return peaks


def repeat(clone: Clone, archive: Path, count: int) -> None:
    """Write ``count`` photos to a tar: the clone's, again and again.

    A copy has another timestamp and a few bytes more, so that it is no duplicate by its name nor
    by its bytes; to the eye it is one, and stays in its original's split.
    """
    files = [Path(path) for path in paths(clone, of_splits(clone, train=count))]
    with tarfile.open(archive, "w") as tar:
        for number in range(count):
            copy, index = divmod(number, len(files))
            labels, _, timestamp = files[index].stem.rpartition("_")
            content = files[index].read_bytes() + str(copy).encode()
            info = tarfile.TarInfo(f"{labels}_{timestamp}{copy:03d}.jpg")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
