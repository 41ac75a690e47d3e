"""Formats of other runtimes: written by Keras's own export, and run in the runtime.

Every format takes a batch of any size of float32 pixels, RGB, 0 to 255, as the input ``image``, and
names its outputs as the model does.
"""

import contextlib
import io
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper

from agegender.training.saving import save

Weights = Literal["float32", "float16"]
# From float32 pixels, shape (n, image_size, image_size, 3), to outputs by name, shape (n, 1).
Run = Callable[[np.ndarray], Mapping[str, np.ndarray]]


class Format(NamedTuple):
    """A format of exported models.

    Attributes:
        suffix: what follows a model's name; nothing, where it becomes a folder.
        write: a model, see `agegender.evaluation.predict.load`, to a path, with kernels of half the
            size if they were rounded by `round_weights`. LiteRT and ONNX store such kernels in two
            bytes and compute in float32; a Keras file is compressed, which halves it as well. A
            SavedModel stays as large.
        open: what runs the model at a path, in its own runtime.
    """

    suffix: str
    write: Callable[[keras.Model, Path, bool], None]
    open: Callable[[Path], Run]


def round_weights(model: keras.Model) -> None:
    """Round the kernels of a model to the nearest values of float16, in place.

    Vectors, such as biases and the statistics of batch normalization, stay as they are: they take
    little space, and can be larger than float16 holds.
    """
    for variable in model.weights:
        if len(variable.shape) > 1:
            values = keras.ops.convert_to_numpy(variable)
            variable.assign(values.astype(np.float16).astype(np.float32))


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


FORMATS = {
    "keras": Format(".keras", _write_keras, _open_keras),
    "saved_model": Format("", _write_saved_model, _open_saved_model),
    "litert": Format(".tflite", _write_litert, _open_litert),
    # These need the packages tf2onnx and onnxruntime.
    "onnx": Format(".onnx", _write_onnx, _open_onnx),
}
