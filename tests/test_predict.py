"""Predictions on photos of any kind: the command, what it writes, and the Python interface."""

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
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
from agegender.prediction.inputs import list_photos
from agegender.prediction.inputs import read_photos as read_inputs
from agegender.prediction.predictor import NO_FACE, Predictor
from agegender.report.card import card_of, markdown
from agegender.yunet_weights.source import SHA256
from benchmarks import crops
from cli.predict import choose, refuse_among
from tests.clones import ROOT
from tests.conftest import Reproduced


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


def test_the_command(agegender: Callable[..., str], portraits: list[Path], tmp_path: Path) -> None:
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
    for name in ("notes.txt", "sub/list.csv", "sub/list.json"):
        (photos / name).write_text("no photo")
    Image.new("RGB", (300, 200), "green").save(photos / "lawn.webp")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.write(portraits[5], "a/b.jpg")
        archive.writestr("c.heic", "x")
    out = tmp_path / "out"
    command = ["predict", "--model", "custom", "--out", str(out), "--crops", str(photos)]
    printed = agegender(*command, str(tmp_path / "*.zip"), str(photos / "notes.txt"))
    assert "files skipped, no photos by their ending: 2" in printed
    assert "model: models/custom.keras (trained on drawn portraits)" in printed
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
        "my photos/notes.txt": 0,
    }
    assert faces["my photos/lawn.webp"][0]["warning"] == NO_FACE
    assert "damaged" in faces["my photos/broken.jpg"][0]["warning"]
    assert "not an image" in faces["my photos/notes.txt"][0]["warning"]
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
    assert f"error: {out} exists; name a new or an empty folder" in agegender(*command)


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
    folder = reproduced.clone.path
    photos = read_photos(folder / "data/split/test.csv")
    # One without a face among them, so that it is not found.
    Image.new("RGB", (200, 200), "green").save(tmp_path / "lawn.png")
    for file in photos["file"][1:]:
        shutil.copy(folder / "data/raw" / file, tmp_path)
    photos.loc[0, "file"] = "lawn.png"
    measured = crops.measure(predictor, photos, tmp_path, 1)
    assert measured["photos"] == len(photos)
    assert measured["found"] == round(1 - 1 / len(photos), 4)
    aligned = pd.read_csv(folder / "predictions/custom.csv")
    mae = aligned["age_error"][aligned["file"].isin(photos["file"])].abs().mean()
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


def test_a_file_is_read_once_however_often_it_is_given(tmp_path: Path) -> None:
    for name in ("a.jpg", "notes.txt", "sub/b.png", "sub/c.heic", "sub/.d.jpg", "sub/e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    given = [f"{tmp_path}/{each}" for each in ("**", "sub/../a.jpg", "*", "sub")]
    files, skipped = list_photos(given)
    names = [str(path.relative_to(tmp_path)) for path in files]
    assert (names, skipped) == (["a.jpg", "sub/b.png", "sub/c.heic"], 2)
    # Whoever names a file wants to know of it.
    files, skipped = list_photos([f"{tmp_path}/notes.txt", f"{tmp_path}/*.txt"])
    assert (list(files), skipped) == ([tmp_path / "notes.txt"], 0)
    # A folder does not open the archives in it.
    packed = tmp_path / "sub/f.zip"
    packed.touch()
    for given in ([f"{tmp_path}/sub", str(packed)], [str(packed), f"{tmp_path}/sub"]):
        files, _ = list_photos(given)
        assert files[packed] == ""
    # It stops nothing else.
    files, _ = list_photos(["gone.jpg", str(tmp_path / "a.jpg")])
    assert list(files.values()) == ["there is no such file or folder", ""]


def test_what_is_not_there_is_said_before_tensorflow_is_loaded(reproduced: Reproduced) -> None:
    script = """
import sys
from cli.main import main
sys.argv = ["agegender", "predict", "gone.jpg", "missing/*.jpg"]
try:
    main()
finally:
    assert "tensorflow" not in sys.modules
"""
    printed = reproduced.clone.run("python", "-c", script, fails=True)
    assert printed.strip() == "error: there is no such file or folder: gone.jpg, missing/*.jpg"


def test_pictures_are_not_written_where_photos_are_read(tmp_path: Path) -> None:
    refuse_among(tmp_path / "out", [tmp_path / "photos", tmp_path / "out.jpg"])
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="name a folder elsewhere"):
        refuse_among(tmp_path / "photos/out", [tmp_path / "photos"])


def test_names_that_are_not_utf8_can_be_printed(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    path.write_bytes(b"x")
    shutil.copy(path, tmp_path / os.fsdecode(b"\xe9.jpg"))
    files, _ = list_photos([str(path), str(tmp_path)])
    sources = [file.source for file in read_inputs(files)]
    assert all(source.encode().isascii() for source in sources) and len(sources) == 2


def test_photos_that_cannot_be_read(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.jpg: No such file"):
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
    with pytest.raises(UserError, match=r"another model's template than the card of .*custom"):
        Predictor(tmp_path / "custom.keras")
    (tmp_path / "custom.card.json").unlink()
    with pytest.raises(UserError, match=r"of which only 31% show one face .* add --aligned, or "):
        Predictor(tmp_path / "custom.keras")
    assert len(Predictor(tmp_path / "custom.keras", aligned=True)(portraits[0])) == 1


def test_a_model_is_not_cropped_for_by_another_models_template(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    models = reproduced.clone.path / "models"
    for name in ("custom.card.json", "template.json", "yunet.onnx"):
        shutil.copy(models / name, tmp_path)
    shutil.copy(models / "vgg16.keras", tmp_path / "custom.keras")
    with pytest.raises(UserError, match=r"custom\.card\.json is the card of another model than"):
        Predictor(tmp_path / "custom.keras")


def test_a_model_that_is_trained_and_not_yet_reported(
    agegender: Callable[..., str], reproduced: Reproduced, portraits: list[Path], tmp_path: Path
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    # The card is still that of the model before.
    for name in ("custom.card.json", "template.json", "yunet.onnx"):
        shutil.copy(reproduced.clone.path / "models" / name, models)
    shutil.copy(reproduced.clone.path / "models/vgg16.keras", models / "custom.keras")
    command = ["predict", "--model", "custom", str(portraits[0])]
    printed = agegender(*command, folder=tmp_path)
    assert "the card next to models/custom.keras is of another model" in printed
    assert "`dvc repro` brings models/ up to date" in printed
    assert f"{portraits[0].name[-30:]}     1  " in printed
    exported = ["export", "custom", "--to", "keras", "--out", "out"]
    assert agegender(*exported, folder=tmp_path).endswith("`dvc repro` writes both")
    (models / "template.json").unlink()
    assert agegender(*command, folder=tmp_path) == (
        "error: models/template.json is missing; `dvc repro` brings models/ up to date"
    )


def test_the_pretrained_model_answers_from_any_folder(
    portraits: list[Path], tmp_path: Path
) -> None:
    folder = ROOT / "pretrained"
    card = card_of(folder / "custom.keras")
    assert card is not None
    assert markdown(card) == (folder / "README.md").read_text(encoding="utf-8")
    assert sha256(folder / "yunet.onnx") == SHA256
    script = """
import sys
from agegender.prediction.predictor import Predictor
(face,) = Predictor(sys.argv[1])(sys.argv[2])
assert 0 <= face.gender <= 1 and 0 <= face.age_low <= face.age <= face.age_high <= 116
"""
    subprocess.run(
        [sys.executable, "-c", script, str(folder / "custom.keras"), str(portraits[0])],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )


def test_the_model_of_real_faces_answers_unless_the_pipeline_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trained, pretrained = Path("models/custom.keras"), Path("pretrained/custom.keras")
    with pytest.raises(UserError, match=r"no model models/custom\.keras; `dvc repro` trains it"):
        choose("")
    for path in (trained, pretrained):
        path.parent.mkdir()
        path.touch()
    lock = "stages: {{download: {{params: {{params.yaml: {{download: {{source: {}}}}}}}}}}}"
    for source, expected in (("sample", pretrained), ("utkface", trained)):
        Path("dvc.lock").write_text(lock.format(source))
        assert choose("") == expected
        assert choose("custom") == trained
    trained.unlink()
    assert choose("") == pretrained
