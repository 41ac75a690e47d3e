"""Faces are found, and cropped as the training photos are; measured on drawn portraits."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from PIL import Image

from agegender.common.errors import DamagedFileError, UserError
from agegender.download.weights import load_weights
from agegender.faces.alignment import invert, similarity, transform
from agegender.faces.detection import Detector, Face
from agegender.faces.finding import find_faces, refine
from agegender.faces.resampling import warp
from agegender.faces.template import Template, read_template
from agegender.faces.yunet import STRIDES, load_yunet
from agegender.yunet_weights.source import YUNET
from benchmarks.crops import pictures
from tests.conftest import Reproduced


@pytest.fixture(scope="module")
def models(reproduced: Reproduced) -> Path:
    return reproduced.clone.path / "models"


@pytest.fixture(scope="module")
def detector(models: Path) -> Detector:
    return Detector(models / "yunet.onnx")


@pytest.fixture(scope="module")
def portraits(reproduced: Reproduced) -> list[Image.Image]:
    files = sorted((reproduced.clone.path / "data/raw").glob("*.jpg"))[:12]
    return [Image.open(file).convert("RGB") for file in files]


def test_yunet_is_what_its_file_says(models: Path) -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (1, 64, 96, 3)).astype(np.float32)
    outputs = load_yunet(models / "yunet.onnx")(picture)
    file = onnx.load(models / "yunet.onnx")
    bgr = np.ascontiguousarray(picture[..., ::-1].transpose(0, 3, 1, 2))
    expected = ReferenceEvaluator(file).run(None, {"input": bgr})
    for output, values in zip(file.graph.output, expected, strict=True):
        kind, stride = output.name.split("_")
        found = outputs[kind][STRIDES.index(int(stride))].numpy()
        np.testing.assert_allclose(found.reshape(values.shape), values, atol=1e-4)


def test_another_file_is_no_detector(models: Path, tmp_path: Path) -> None:
    content = (models / "yunet.onnx").read_bytes()
    (tmp_path / "x.onnx").write_bytes(content[:-1000])
    (tmp_path / "y.onnx").write_bytes(b"hello")
    for name in ("x.onnx", "y.onnx", "missing.onnx"):
        with pytest.raises(DamagedFileError, match=name):
            Detector(tmp_path / name)
        with pytest.raises(UserError, match=name):
            load_weights(YUNET, name, tmp_path, tmp_path)
    assert load_weights(YUNET, str(models / "yunet.onnx"), tmp_path, tmp_path) == content


def test_similarities() -> None:
    points = np.array([[0, 0], [10, 0], [10, 5], [0, 5], [3, 1]])
    turned = np.array([[0, -2], [2, 0]]) @ points.T + np.array([[7], [-3]])
    matrix = similarity(points, turned.T)
    np.testing.assert_allclose(matrix, [[0, -2, 7], [2, 0, -3]], atol=1e-9)
    np.testing.assert_allclose(transform(invert(matrix), turned.T), points, atol=1e-9)


def test_crops_are_antialiased_and_repeat_the_edge() -> None:
    # Lines finer than a pixel of the crop become gray, at whatever place.
    lines = np.zeros((600, 600, 3), np.uint8)
    lines[:, ::2] = 255
    photo = Image.fromarray(lines)
    crop = np.asarray(warp(photo, np.array([[0.2, 0, 3.3], [0, 0.2, 1.7]]), 100)).astype(int)
    assert abs(crop[5:95, 8:95] - 127).max() <= 10
    # A quarter turned, moved by whole pixels, without blur: the same pixels, but for resampling.
    ramp = Image.linear_gradient("L").convert("RGB").resize((64, 64))
    quarter = warp(ramp, np.array([[0.0, -1, 64], [1, 0, 0]]), 64, softness=0)
    turned = np.asarray(ramp.transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert abs(np.asarray(quarter).astype(int) - turned).max() <= 2
    far = np.asarray(warp(ramp, np.array([[1.0, 0, 500], [0, 1, 500]]), 16))
    assert far.std() == 0 and far[0, 0, 0] == np.asarray(ramp)[0, 0, 0]


def test_the_template_is_where_the_portraits_have_their_faces(
    models: Path, portraits: list[Image.Image], detector: Detector
) -> None:
    template = read_template(models / "template.json")
    assert template.photos == 20 and template.one_face == 1 and template.usable
    left, right, nose, *mouth = template.points(128)
    # As the project draws them: upright, centered, eyes about 30 pixels apart, just above it.
    assert 24 < right[0] - left[0] < 38 and 55 < left[1] < 75 and 54 < nose[0] < 74
    assert left[1] < nose[1] < min(y for _, y in mouth)
    assert Image.open(models / "template.jpg").size == (512, 512)
    with pytest.raises(DamagedFileError, match="no template"):
        (models.parent / "x.json").write_text("{}")
        read_template(models.parent / "x.json")


def test_faces_are_cropped_as_they_were_before_they_were_pasted(
    models: Path, portraits: list[Image.Image], detector: Detector
) -> None:
    template = read_template(models / "template.json")
    errors: dict[str, list[float]] = {"once": [], "twice": []}
    for picture, all_pasted in pictures(portraits, seed=1):
        found = find_faces(picture, detector, template)
        assert len(found) == len(all_pasted)
        for pasted in all_pasted:
            corners = transform(invert(pasted.matrix), np.array([[0, 0], [1, 1]]))
            (face,) = (
                each
                for each in found
                if np.hypot(*(each.face.landmarks[2] - corners.mean(0)))
                < np.hypot(*(corners[1] - corners[0])) / 4
            )
            large = portraits[pasted.number].resize((256, 256), Image.Resampling.BICUBIC)
            truth = detector(np.asarray(large)[np.newaxis])[0][0].landmarks / 256
            for name, seen in (("once", face.first), ("twice", face.face)):
                errors[name].append(np.abs(transform(pasted.matrix, seen.landmarks) - truth).mean())
    # In shares of a portrait's side.
    assert np.mean(errors["twice"]) < 0.02
    assert np.mean(errors["twice"]) < np.mean(errors["once"])


def test_what_is_no_face_is_dropped_in_the_second_pass(models: Path, detector: Detector) -> None:
    template = read_template(models / "template.json")
    photo = Image.new("RGB", (640, 480), (128, 128, 128))
    photo.paste((90, 60, 50), (200, 150, 400, 350))
    landmarks = template.points(150) + np.array([200, 150])
    invented = Face(np.array([200, 150, 150, 150], np.float32), landmarks.astype(np.float32), 0.9)
    assert refine(photo, [invented], template, detector) == [None]
    assert find_faces(photo, detector, template) == []


def test_few_faces_make_no_template() -> None:
    assert not Template.measure([], 500).usable
    some = [np.full((5, 2), 0.5)] * 9
    assert not Template.measure(some, 9).usable
    assert not Template.measure(some * 2, 50).usable
    assert Template.measure(some * 2, 30).usable
    assert json.loads(Template.measure([], 3).model_dump_json())["one_face"] == 0
