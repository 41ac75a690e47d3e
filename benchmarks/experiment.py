"""An experiment with VGG16's head, and `dvc repro` with nothing to do, on the drawn photos."""

from benchmarks.measure import interleaved, seconds
from benchmarks.photos import parameters
from benchmarks.results import Result, limit
from tests.clones import Clone


def measure(clone: Clone, quick: bool) -> list[Result]:
    """Both with the start of DVC and of every stage that runs, to metrics and report."""
    clone.dvc("repro")
    clone.commit("The pipeline has run")
    [idle] = interleaved(quick, lambda: clone.dvc("repro"))
    taken = seconds(lambda: clone.dvc("exp", "run", "-S", "train_vgg16.dropout=0.35"))
    photos = f"{parameters(clone.path)['download']['sample_images']:,} photos"
    return [
        limit(f"`dvc exp run -S train_vgg16.dropout=...` on {photos}", taken, "s", 90),
        limit(f"`dvc repro` with nothing to do, on {photos}", idle, "s", 3),
    ]
