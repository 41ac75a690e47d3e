"""An experiment with VGG16's head, and `dvc repro` with nothing to do, on the drawn photos."""

from benchmarks.measure import interleaved, seconds
from benchmarks.results import Result, limit
from benchmarks.sizes import Sizes
from tests.clones import Clone

DROPOUT = "train_vgg16.dropout=0.35"


def measure(clone: Clone, sizes: Sizes) -> list[Result]:
    """Both with the start of DVC and of every stage that runs, to metrics and report."""
    clone.dvc("repro")
    clone.commit("The pipeline has run")
    [idle] = interleaved(sizes.repetitions, lambda: clone.dvc("repro"))
    taken = seconds(lambda: clone.dvc("exp", "run", "-S", DROPOUT))
    photos = f"{sizes.parameters['download']['sample_images']:,} photos"
    return [
        limit(f"`dvc exp run -S train_vgg16.dropout=...` on {photos}", taken, "s", 90),
        limit(f"`dvc repro` with nothing to do, on {photos}", idle, "s", 3),
    ]
