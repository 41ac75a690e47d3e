"""Preprocessing, JPEG to TFRecord, against Pillow decoding the same JPEGs and nothing else."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from agegender.common.parallel import parallel_map
from agegender.photos.photos import SPLITS
from agegender.preparation.images import fit
from benchmarks.measure import interleaved
from benchmarks.photos import of_splits, parameters, paths, preprocess
from benchmarks.results import Result, cost
from tests.clones import Clone

# Photos that a process is handed at a time, as in preprocessing.
CHUNK = 32


def resized(image_size: int, folder: Path, path: str) -> str:
    """A copy of a JPEG that has this size already, as photos that others have prepared."""
    copy = folder / Path(path).name
    with Image.open(path) as image:
        fit(image, image_size).save(copy, quality=90)
    return str(copy)


def decode(path: str) -> None:
    """Read and decode a JPEG by Pillow, and keep nothing."""
    with Image.open(path) as image:
        image.load()


def measure(clone: Clone, quick: bool) -> list[Result]:
    """Both on all cores, the start of the processes included."""
    clone.dvc("repro", "split")
    photos = of_splits(clone, **dict.fromkeys(SPLITS, 10**9))
    jpegs, home = paths(clone, photos), clone.path.parent
    (home / "prepared").mkdir()
    resize = partial(resized, parameters(clone.path)["image_size"], home / "prepared")
    prepared = list(parallel_map(resize, jpegs, CHUNK))

    def compare(jpegs: Sequence[str]) -> list[float]:
        taken = interleaved(
            quick,
            lambda: preprocess(clone, jpegs, photos, home / "preprocessed"),
            lambda: list(parallel_map(decode, jpegs, CHUNK)),
        )
        return [1000 * seconds / len(jpegs) for seconds in taken]

    unit, alone = "ms per photo", "against Pillow decoding them and nothing else"
    name = f"preprocessing {len(jpegs):,} JPEGs"
    (ours, theirs), (fitting, fitting_theirs) = compare(jpegs), compare(prepared)
    return [
        cost(f"{name} of the wanted size, {alone}", fitting, fitting_theirs, unit, 1.2),
        Result(f"{name} that it reduces, {alone}", ours, theirs, unit, ours / theirs),
    ]
