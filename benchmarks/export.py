"""Exported models in their runtimes, against Keras's `predict`: how fast, and how large."""

import importlib.util
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from agegender.custom.network import build
from agegender.custom.parameters import TrainCustom
from agegender.export.export import export_model
from agegender.export.formats import FORMATS, Weights
from agegender.training.inference import for_export, inference_model
from benchmarks.measure import interleaved
from benchmarks.photos import parameters
from benchmarks.results import Result, faster
from tests.clones import Clone

# Calls of each way at a time, so that a call of milliseconds is measured well.
CALLS = 20


def measure(clone: Clone, quick: bool) -> list[Result]:
    """Milliseconds a photo, alone and in batches of 32, of each format, and megabytes."""
    size, tasks = parameters(clone.path)["image_size"], parameters()["tasks"]
    options = TrainCustom.parse(parameters()["train_custom"])
    model = inference_model([for_export(build(options, size, tasks))], size, options, "custom")
    forms: list[str] = ["saved_model", "litert"]
    if importlib.util.find_spec("tf2onnx") and importlib.util.find_spec("onnxruntime"):
        forms.append("onnx")
    images = np.random.default_rng(1).uniform(0, 255, (32, size, size, 3)).astype(np.float32)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ways: dict[str, Callable[[np.ndarray], object]] = {
            "Keras's predict": partial(model.predict, verbose=0),
            "a tf.function of the model, as predict and demo use it": tf.function(model),
        }
        for form in forms:
            path = folder / f"custom{FORMATS[form].suffix}"
            export_model(model, path, form, "float32", images[:4])
            ways[form] = FORMATS[form].open(path)
        found = [result for count in (1, 32) for result in _speed(ways, images[:count], quick)]
        # float16 last: it rounds the model's weights.
        sizes = {
            f"{form}, {weights}": _megabytes(model, folder, form, weights, images[:4])
            for weights in ("float32", "float16")
            for form in ("keras", *forms)
        }
        plain = sizes["keras, float32"]
        for name, size in sizes.items():
            name = f"size of the custom CNN, {name}, against Keras's file"
            found.append(Result(name, size, plain, "MB", size / plain))
        return found


def _speed(
    ways: dict[str, Callable[[np.ndarray], object]], images: np.ndarray, quick: bool
) -> list[Result]:
    def calls(way: Callable[[np.ndarray], object]) -> None:
        for _ in range(CALLS):
            way(images)

    seconds = interleaved(quick, *(partial(calls, way) for way in ways.values()))
    theirs, *others = (1000 * each / CALLS / len(images) for each in seconds)
    batch = "one photo" if len(images) == 1 else f"batches of {len(images)}"
    # Only what predict and demo use is promised.
    (_, function, *forms) = ways
    return [
        faster(f"{function}, {batch}, against Keras's predict", others[0], theirs, "ms a photo", 1),
        *(
            Result(f"{name}, {batch}, against Keras's predict", ours, theirs, "ms a photo", None)
            for name, ours in zip(forms, others[1:], strict=True)
        ),
    ]


def _megabytes(
    model: keras.Model, folder: Path, form: str, weights: Weights, images: np.ndarray
) -> float:
    path = folder / f"{weights}{FORMATS[form].suffix}"
    export_model(model, path, form, weights, images)
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files) / 1e6
