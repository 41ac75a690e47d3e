"""Writing a model in the format of another runtime, by Keras's own export.

Every format takes a batch of any size of float32 pixels, RGB, 0 to 255, as the input ``image``, and
names its outputs as the model does.
"""

import contextlib
import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper

from agegender.training.saving import save

Format = Literal["keras", "saved_model", "litert", "onnx"]
Weights = Literal["float32", "float16"]
# What follows a model's name: files, and a folder.
SUFFIXES: dict[Format, str] = {
    "keras": ".keras",
    "saved_model": "",
    "litert": ".tflite",
    "onnx": ".onnx",
}


def round_weights(model: keras.Model) -> None:
    """Round the kernels of a model to the nearest values of float16, in place.

    Vectors, such as biases and the statistics of batch normalization, stay as they are: they take
    little space, and can be larger than float16 holds.
    """
    for variable in model.weights:
        if len(variable.shape) > 1:
            values = keras.ops.convert_to_numpy(variable)
            variable.assign(values.astype(np.float16).astype(np.float32))


def write_model(model: keras.Model, path: Path, form: Format, weights: Weights) -> None:
    """Write a model; its kernels must be rounded by `round_weights` where ``weights`` is float16.

    In float16, LiteRT and ONNX store kernels in two bytes and compute in float32; a Keras file is
    compressed, which halves it as well. A SavedModel stays as large.

    Args:
        model: see `agegender.evaluation.predict.load`.
        path: to write, with the suffix in `SUFFIXES`; a folder for ``saved_model``.
        form: of the file.
        weights: how kernels are stored.

    Raises:
        ImportError: ONNX without the package tf2onnx.
    """
    _WRITERS[form](model, path, weights == "float16")


def _write_keras(model: keras.Model, path: Path, half: bool) -> None:
    save(model, path)
    if half:
        stored = io.BytesIO(path.read_bytes())
        with (
            zipfile.ZipFile(stored) as source,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
        ):
            for info in source.infolist():
                target.writestr(info, source.read(info), zipfile.ZIP_DEFLATED)


def _write_saved_model(model: keras.Model, path: Path, half: bool) -> None:
    _export(model, path, "tf_saved_model")


def _write_litert(model: keras.Model, path: Path, half: bool) -> None:
    # Without TensorFlow's own operations, which other programs' runtimes do not have.
    target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    if half:
        target["supported_types"] = [tf.float16]
    optimizations = [tf.lite.Optimize.DEFAULT] if half else []
    _export(model, path, "litert", optimizations=optimizations, target_spec=target)


def _write_onnx(model: keras.Model, path: Path, half: bool) -> None:
    _export(model, path, "onnx")
    if half:
        onnx.save(_halved(onnx.load(path)), path)


def _export(model: keras.Model, path: Path, form: str, **options: object) -> None:
    image = keras.InputSpec(shape=model.input.shape, dtype="float32", name="image")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        model.export(path, format=form, input_signature=[image], verbose=False, **options)


def _halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """With float32 kernels stored as float16, each followed by a cast, which runtimes do once."""
    graph = model.graph
    for initializer in list(graph.initializer):
        if initializer.data_type != onnx.TensorProto.FLOAT or len(initializer.dims) < 2:
            continue
        name = initializer.name
        half = numpy_helper.to_array(initializer).astype(np.float16)
        graph.initializer.remove(initializer)
        graph.initializer.append(numpy_helper.from_array(half, f"{name}_float16"))
        cast = onnx.helper.make_node(
            "Cast", [f"{name}_float16"], [name], f"{name}_cast", to=onnx.TensorProto.FLOAT
        )
        graph.node.insert(0, cast)
    return model


_WRITERS: dict[Format, Callable[[keras.Model, Path, bool], None]] = {
    "keras": _write_keras,
    "saved_model": _write_saved_model,
    "litert": _write_litert,
    "onnx": _write_onnx,
}
