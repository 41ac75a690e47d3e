"""Predictions on whole photos: how fast, against finding the faces alone, and with what memory."""

import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import interleaved, peak_memory
from benchmarks.photos import of_splits, paths
from benchmarks.results import Result, cost
from tests.clones import Clone

# Of a photo, and of the face in it.
WIDTH, HEIGHT, SIDE = 1600, 1200, 480


def measure(clone: Clone, quick: bool) -> list[Result]:
    """The custom CNN by one view, with both."""
    clone.dvc("repro", "train_custom", "align")
    small, large = (4, 8) if quick else (100, 1_000)
    few, many = write_photos(clone, small), write_photos(clone, large)

    def peak(folder: Path) -> float:
        command = (sys.executable, "-m", "agegender", "predict", "--model", "custom")
        return peak_memory(clone, *command, "--views", "one", str(folder))

    peaks = peak(many), peak(few)
    # Here, since TensorFlow starts.
    from agegender.faces.detection import Detector
    from agegender.prediction.inputs import list_photos, read_photos
    from agegender.prediction.predictor import Predictor

    predictor = Predictor(clone.path / "models/custom.keras", views="one")
    detector = Detector(clone.path / "models/yunet.onnx")

    def predict() -> None:
        photos, _ = list_photos([str(few)])
        assert sum(len(each.faces) for each in predictor.stream(read_photos(photos)))

    def detect() -> None:
        for path in few.iterdir():
            photo = Image.open(path)
            photo.draft(None, (WIDTH // 2, HEIGHT // 2))
            small = photo.convert("RGB").resize((640, 640 * HEIGHT // WIDTH))
            detector(np.asarray(small)[np.newaxis])

    ours, theirs = (small / seconds for seconds in interleaved(quick, predict, detect))
    name = (
        f"predictions on photos of {WIDTH}x{HEIGHT}, one face in each, custom CNN by one view, "
        "against finding faces once and nothing else"
    )
    return [
        Result(name, ours, theirs, "faces/s", ours / theirs, "ours >= 5", ours >= 5),
        cost(f"peak memory of predict, {large:,} photos against {small:,}", *peaks, "MiB", 1.1),
    ]


def write_photos(clone: Clone, count: int) -> Path:
    """A folder of ``count`` photos, each with a drawn portrait in it."""
    folder = clone.path.parent / f"predicted-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    portraits = paths(clone, of_splits(clone, train=min(count, 50)))
    for number in range(count):
        photo = Image.new("RGB", (WIDTH, HEIGHT), (120, 130, 110))
        portrait = Image.open(portraits[number % len(portraits)]).resize((SIDE, SIDE))
        photo.paste(portrait, (100 + number % 900, 100 + number % 500))
        photo.save(folder / f"{number:05d}.jpg", quality=90)
    return folder
