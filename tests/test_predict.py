"""Predictions on photos of any kind: the command, what it writes, and the Python interface."""

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agegender.common.errors import UserError
from agegender.common.files import sha256
from agegender.download.archive import read_files
from agegender.photos.photos import read_photos
from agegender.prediction.inputs import read_photos as read_inputs
from agegender.prediction.predictor import NO_FACE, Predictor, UnusableTemplateError
from agegender.report.card import read_card
from benchmarks import crops
from cli.predict import refuse_among
from tests.clones import ROOT
from tests.conftest import Reproduced
from tools.pretrained import make


@pytest.fixture(scope="module")
def predictor(reproduced: Reproduced) -> Predictor:
    return Predictor(reproduced.clone.path / "models/custom.keras")


@pytest.fixture(scope="module")
def portraits(reproduced: Reproduced) -> list[Path]:
    return sorted((reproduced.clone.path / "data/raw").glob("*.jpg"))


def test_the_pipelines_own_photos_get_the_pipelines_own_predictions(
    reproduced: Reproduced,
) -> None:
    folder = reproduced.clone.path
    for name in ("custom", "vgg16"):
        expected = pd.read_csv(folder / f"predictions/{name}.csv", dtype=str)
        columns = ["gender_predicted", "age_predicted"]
        predictor = Predictor(folder / f"models/{name}.keras", aligned=True)
        photos = {file.source: file for file in read_files(folder / "data/raw")}
        # In another order than the pipeline's.
        for result in predictor.stream(photos[name] for name in sorted(expected["file"])[::-1]):
            (face,) = result.faces
            row = expected[expected["file"] == result.file][columns].to_numpy()[0].tolist()
            assert face.gender is not None and face.age is not None
            assert [str(round(face.gender, 6)), str(round(face.age, 4))] == row


def test_the_command(reproduced: Reproduced, portraits: list[Path], tmp_path: Path) -> None:
    photos = tmp_path / "my photos"
    (photos / "sub").mkdir(parents=True)
    scene = Image.new("RGB", (900, 400), (90, 120, 90))
    for number, path in enumerate(portraits[:3]):
        scene.paste(Image.open(path).resize((200 + 30 * number,) * 2), (20 + 290 * number, 60))
    # Stored lying on its side, as phones do.
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = scene.transpose(Image.Transpose.ROTATE_90)
    lying.save(photos / "scene.jpg", exif=exif, quality=95)
    # Without EXIF, and so in need of a search.
    lying.save(photos / "lying.png")
    shutil.copy(portraits[4], photos / "sub/scene.jpg")
    (photos / "broken.jpg").write_bytes(portraits[0].read_bytes()[:900])
    (photos / "notes.txt").write_text("no photo")
    Image.new("RGB", (300, 200), "green").save(photos / "lawn.webp")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.write(portraits[5], "a/b.jpg")
        archive.writestr("c.heic", "x")
    out = tmp_path / "out"
    command = ["python", "-m", "agegender", "predict", "--out", str(out), "--crops"]
    printed = reproduced.clone.run(
        *command, str(photos), str(tmp_path / "*.zip"), str(tmp_path / "missing.jpg")
    )
    assert "model: models/custom.keras (trained on drawn portraits)" in printed
    assert "Traceback" not in printed
    with (out / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = "file,face,gender,age,age_low,age_high,x,y,width,height,score,warning"
    assert ",".join(rows[0]) == columns
    faces: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        faces.setdefault(row["file"].removeprefix(f"{tmp_path}/"), []).append(row)
    counts = {name: sum(1 for row in found if row["face"]) for name, found in faces.items()}
    assert counts == {
        "my photos/broken.jpg": 0,
        "my photos/lawn.webp": 0,
        "my photos/lying.png": 3,
        "my photos/scene.jpg": 3,
        "my photos/sub/scene.jpg": 1,
        "some.zip/a/b.jpg": 1,
        "some.zip/c.heic": 0,
        "missing.jpg": 0,
    }
    assert faces["my photos/lawn.webp"][0]["warning"] == NO_FACE
    assert "damaged" in faces["my photos/broken.jpg"][0]["warning"]
    assert "HEIC" in faces["some.zip/c.heic"][0]["warning"]
    for number, row in enumerate(faces["my photos/scene.jpg"]):
        x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
        left = 20 + 290 * number
        assert left < x < x + width < left + 200 + 30 * number and 60 < y < y + height < 320
    assert json.loads((out / "predictions.json").read_text())[1]["warning"] == NO_FACE
    pictures = {path.name: Image.open(path) for path in (out / "pictures").iterdir()}
    assert pictures.keys() == {"lying.png", "scene.jpg", "scene-2.jpg", "lawn.webp", "b.jpg"}
    assert pictures["scene.jpg"].size == scene.size
    crops = {path.name: Image.open(path).size for path in (out / "crops").iterdir()}
    assert len(crops) == 8 and set(crops.values()) == {(32, 32)} and "scene-face3.png" in crops
    # Nothing is written over.
    printed = reproduced.clone.run(*command, str(photos), fails=True)
    assert f"error: {out} exists; name a new or an empty folder" in printed


def test_a_photo_is_cropped_the_same_however_it_lies(
    predictor: Predictor, portraits: list[Path]
) -> None:
    for number, path in enumerate(portraits[:3]):
        photo = Image.new("RGB", (700, 500), (90, 120, 90))
        turned = Image.open(path).resize((150, 150)).rotate(8 * (number - 2), fillcolor="gray")
        photo.paste(turned, (300, 150))
        (expected,) = predictor(photo)
        for method in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180):
            (found,) = predictor(np.asarray(photo.transpose(method)))
            crops = [np.asarray(each.crop).astype(int) for each in (found, expected)]
            # Gray levels; other portraits differ by 50.
            assert np.abs(crops[0] - crops[1]).mean() < 5


def test_one_view_is_the_photo_alone(portraits: list[Path], tmp_path: Path) -> None:
    image = keras.Input((32, 32, 3))
    views = [image, keras.ops.flip(image, axis=2)]
    ages = [116 * keras.ops.mean(view[:, :, :16], axis=(1, 2, 3))[:, None] / 255 for view in views]
    mean = keras.layers.Average(name="age_over_views")(ages)
    keras.Model(image, {"age": keras.ops.clip(mean, 0, 116)}).save(tmp_path / "x.keras")
    (all_,), (one,) = (
        Predictor(tmp_path / "x.keras", views, aligned=True)(portraits[0])
        for views in ("all", "one")
    )
    pixels = np.asarray(one.crop) * (116 / 255)
    assert all_.age == pytest.approx(pixels.mean(), abs=0.01)
    assert one.age == pytest.approx(pixels[:, :16].mean(), abs=0.01)
    assert one.gender is None


def test_what_a_crop_costs_is_measured(
    reproduced: Reproduced, predictor: Predictor, tmp_path: Path
) -> None:
    photos = read_photos(reproduced.clone.path / "data/split/test.csv")
    measured = crops.measure(predictor, photos, reproduced.clone.path / "data/raw", 1)
    assert measured["photos"] == len(photos) and measured["found"] > 0.9
    aligned = pd.read_csv(reproduced.clone.path / "predictions/custom.csv")
    if measured["found"] == 1:
        mae = aligned["age_error"].abs().mean()
        assert measured["ways"][crops.ORIGINAL]["age"] == pytest.approx(mae, abs=0.001)
    assert crops.OURS in crops.table(measured)


def test_pil_images_are_read_as_files_are(tmp_path: Path) -> None:
    pixels = keras.Input((32, 32, 3))
    age = keras.layers.Dense(1)(keras.layers.Flatten()(pixels))
    keras.Model(pixels, {"age": age}).save(tmp_path / "x.keras")
    predictor = Predictor(tmp_path / "x.keras", aligned=True)
    photo = Image.new("RGBA", (32, 32), "green")
    photo.paste((0, 0, 0, 0), (0, 0, 32, 9))
    photo.save(tmp_path / "photo.png")
    expected, found = (predictor(each)[0].crop for each in (tmp_path / "photo.png", photo))
    assert found.tobytes() == expected.tobytes()
    with pytest.raises(UserError, match="Is a directory"):
        predictor(tmp_path)


def test_pictures_are_not_written_where_photos_are_read(tmp_path: Path) -> None:
    refuse_among(tmp_path / "out", [tmp_path / "photos", tmp_path / "out.jpg"])
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="name a folder elsewhere"):
        refuse_among(tmp_path / "photos/out", [tmp_path / "photos"])


def test_names_that_are_not_utf8_can_be_printed(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    path.write_bytes(b"x")
    sources = [file.source for file in read_inputs([path, tmp_path])]
    assert all(source.encode().isascii() for source in sources) and len(sources) == 2


def test_photos_that_cannot_be_read(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.jpg is missing"):
        predictor(tmp_path / "x.jpg")
    (tmp_path / "x.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match=r"x\.jpg: not an image"):
        predictor(str(tmp_path / "x.jpg"))
    arrays: list[Any] = [np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32)]
    for array in arrays:
        with pytest.raises(UserError, match="is no photo; uint8 of shape"):
            predictor(array)


def test_without_faces_in_the_training_photos_only_crops_are_judged(
    reproduced: Reproduced, portraits: list[Path], tmp_path: Path
) -> None:
    models = reproduced.clone.path / "models"
    for name in ("custom.keras", "custom.card.json", "yunet.onnx"):
        shutil.copy(models / name, tmp_path)
    with pytest.raises(UserError, match=r"template\.json is missing"):
        Predictor(tmp_path / "custom.keras")
    template = json.loads((models / "template.json").read_text()) | {"one_face": 0.31}
    (tmp_path / "template.json").write_text(json.dumps(template))
    with pytest.raises(UserError, match=r"another model's template than .*custom\.card\.json has"):
        Predictor(tmp_path / "custom.keras")
    (tmp_path / "custom.card.json").unlink()
    with pytest.raises(UnusableTemplateError, match="of which only 31% show one face"):
        Predictor(tmp_path / "custom.keras")
    assert len(Predictor(tmp_path / "custom.keras", aligned=True)(portraits[0])) == 1


def test_the_interface_from_another_folder(
    reproduced: Reproduced, portraits: list[Path], tmp_path: Path
) -> None:
    script = """
from agegender.prediction.predictor import Predictor
predictor = Predictor(r"{model}")
for face in predictor(r"{photo}"):
    assert 0 <= face.gender <= 1 and 0 <= face.age <= 116 and len(face.box) == 4
"""
    script = script.format(model=reproduced.clone.path / "models/custom.keras", photo=portraits[0])
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_the_pretrained_folder_is_made_of_what_the_pipeline_trained(
    reproduced: Reproduced, portraits: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("data", "models", "params.yaml"):
        (tmp_path / name).symlink_to(reproduced.clone.path / name)
    monkeypatch.chdir(tmp_path)
    make("dvc exp run")
    trained, packed = (Predictor(f"{name}/custom.keras") for name in ("models", "pretrained"))
    (expected,), (found,) = trained(portraits[0]), packed(portraits[0])
    assert found.gender == pytest.approx(expected.gender, abs=0.01)
    assert found.age == pytest.approx(expected.age, abs=0.1)
    made = Path("pretrained/custom.keras")
    size = made.stat().st_size
    assert size < 0.75 * Path("models/custom.keras").stat().st_size
    # `export` takes its card for its own.
    packed_card, digest = read_card(Path("pretrained/custom.card.json")), sha256(made)
    assert packed_card.file is not None and packed_card.file.sha256 == {"custom.keras": digest}
    card = Path("pretrained/README.md").read_text()
    metrics = json.loads((reproduced.clone.path / "metrics/custom.json").read_text())
    accuracy = f"{100 * metrics['gender']['accuracy']:.1f}"
    assert f"| gender accuracy | {accuracy}" in card
    first = made.read_bytes()
    make("dvc exp run")
    assert made.read_bytes() == first
