"""Exported models in their own runtimes."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from agegender.export.formats import Format

# From float32 pixels, shape (n, image_size, image_size, 3), to outputs by name, shape (n, 1).
Run = Callable[[np.ndarray], Mapping[str, np.ndarray]]


def open_model(path: Path, form: Format) -> Run:
    """What runs the exported model at ``path``.

    Raises:
        ImportError: ONNX without the package onnxruntime.
    """
    return _OPENERS[form](path)


def _open_keras(path: Path) -> Run:
    model = keras.models.load_model(path, safe_mode=True, compile=False)
    return model.predict_on_batch


def _open_saved_model(path: Path) -> Run:
    loaded = tf.saved_model.load(str(path))

    def run(images: np.ndarray) -> Mapping[str, np.ndarray]:
        outputs = loaded.signatures["serving_default"](image=tf.constant(images))
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def _open_litert(path: Path) -> Run:
    with warnings.catch_warnings():
        # TensorFlow announces that LiteRT will be a package of its own.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(path))
    runner = interpreter.get_signature_runner()
    return lambda images: dict(runner(image=images))


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {"image": images}), strict=True))


_OPENERS: Mapping[Format, Callable[[Path], Run]] = {
    "keras": _open_keras,
    "saved_model": _open_saved_model,
    "litert": _open_litert,
    "onnx": _open_onnx,
}
