"""Exported models: each runs in its own runtime and answers as Keras does, or is refused."""

import importlib.util
import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml

from agegender.common.errors import UserError
from agegender.custom import network as custom
from agegender.export.export import export_model
from agegender.export.formats import FORMATS
from agegender.prediction.predictor import Predictor
from agegender.training.inference import for_export, inference_model
from cli.export import export
from tests.clones import ROOT
from tests.conftest import Reproduced
from tests.test_models import BOTH, IMAGES, custom_options

STRUCTURE = {
    "filters": [4, 8],
    "dense_units": [8],
    "age_head": "distribution",
    "age_estimate": "median",
    "batch_normalization": True,
}
# The command below writes LiteRT, tests of the folder pretrained/ Keras, and tests/slow everything.
FORMS = ["saved_model"]
# The packages for ONNX are optional.
if importlib.util.find_spec("tf2onnx") and importlib.util.find_spec("onnxruntime"):
    FORMS.append("onnx")


def averaged(*zooms: float) -> keras.Model:
    """Two networks' mean over an image, its mirror image, and other sizes of it."""
    options = custom_options(**STRUCTURE, tta_flip=True, tta_zooms=list(zooms))
    keras.utils.set_random_seed(3)
    networks = [for_export(custom.build(options, 32, BOTH), number) for number in range(2)]
    return inference_model(networks, 32, options, "custom")


@pytest.mark.parametrize("form", FORMS)
def test_an_exported_model_answers_as_keras_does(form: Any, tmp_path: Path) -> None:
    path = tmp_path / f"custom{FORMATS[form].suffix}"
    differences = export_model(averaged(0.94), path, form, "float16", np.concatenate([IMAGES] * 2))
    assert differences.keys() >= {"gender", "age"} and path.exists()
    assert differences["gender"] < 2e-3 and differences["age"] < 0.2


def test_a_model_that_answers_otherwise_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_another(path: Path) -> Any:
        return lambda images: {"gender": np.zeros((len(images), 1)), "age": np.ones(len(images))}

    monkeypatch.setitem(FORMATS, "keras", FORMATS["keras"]._replace(open=of_another))
    with pytest.raises(UserError, match=r"gender by up to 0\.\d+ .*, age by up to inf"):
        export_model(averaged(), tmp_path / "m.keras", "keras", "float32", IMAGES)


def test_the_command_exports_a_model_with_its_card_and_template(
    reproduced: Reproduced, agegender: Callable[..., str], tmp_path: Path
) -> None:
    clone, out = reproduced.clone, tmp_path / "exported"
    command = ("export", "custom", "--to", "litert", "--out", str(out))
    assert "on 6 validation photos it differs from Keras by" in agegender(*command)
    assert {path.name for path in out.iterdir()} == {
        "custom.tflite",
        "custom.card.json",
        "README.md",
        "template.json",
        "yunet.onnx",
        "yunet.LICENSE.txt",
    }
    card = json.loads((out / "custom.card.json").read_text())
    assert card["metrics"] == json.loads((clone.path / "metrics/custom.json").read_text())
    assert card["commit"] == clone.run("git", "rev-parse", "HEAD").strip()
    _, header, text = (out / "README.md").read_text().split("---\n", 2)
    result = yaml.safe_load(header)["model-index"][0]["results"][0]
    assert result["metrics"][1]["value"] == card["metrics"]["age"]["mae"]
    assert card["file"]["sha256"]["custom.tflite"] in text
    assert "name a new or an empty folder" in agegender(*command)


def test_the_pretrained_folder_is_an_export(
    reproduced: Reproduced, agegender: Callable[..., str], tmp_path: Path
) -> None:
    """The command in docs/predict.md makes a small model that answers as the trained one."""
    clone, command = reproduced.clone, ["export", "custom", "--to", "keras", "--weights", "float16"]
    agegender(*command, "--out", str(tmp_path / "pretrained"))
    made, trained = tmp_path / "pretrained/custom.keras", clone.path / "models/custom.keras"
    assert made.stat().st_size < 0.75 * trained.stat().st_size
    card = (tmp_path / "pretrained/README.md").read_text()
    assert f"-m agegender {' '.join(command)}" in card
    photo = min((clone.path / "data/raw").glob("*.jpg"))
    # It is cropped for by its own template, as its card shows.
    (expected,), (found,) = (Predictor(path)(photo) for path in (trained, made))
    assert found.gender == pytest.approx(expected.gender, abs=0.01)
    assert found.age == pytest.approx(expected.age, abs=0.1)


def test_a_model_from_elsewhere_is_exported_where_no_pipeline_has_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pretrained = ROOT / "pretrained"
    arguments = {"model": f"{pretrained}/custom.keras", "views": "one", "weights": "float32"}
    export(Namespace(to="litert", out=tmp_path / "out", **arguments))
    assert "on 34 drawn portraits it differs from Keras by" in capsys.readouterr().out
    # It was trained and measured by other code than that which exports it now.
    first, again = (
        json.loads((folder / "custom.card.json").read_text())
        for folder in (pretrained, tmp_path / "out")
    )
    assert again["commit"] == first["commit"] and again["metrics"] == first["metrics"]
