"""Exported models: each runs in its own runtime and answers as Keras does, or is refused."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml

from agegender.common.errors import UserError
from agegender.custom import network as custom
from agegender.export import export
from agegender.export.export import export_model
from agegender.export.formats import SUFFIXES
from agegender.training.inference import for_export, inference_model
from tests.conftest import Reproduced
from tests.test_models import BOTH, IMAGES, custom_options

STRUCTURE = {
    "filters": [4, 8],
    "dense_units": [8],
    "age_head": "distribution",
    "age_estimate": "median",
    "batch_normalization": True,
}
FORMS = ["keras", "saved_model", "litert"]
# The packages for ONNX are optional; tests/slow exports to every format.
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
    path = tmp_path / f"custom{SUFFIXES[form]}"
    differences = export_model(averaged(0.94), path, form, "float16", np.concatenate([IMAGES] * 2))
    assert differences.keys() >= {"gender", "age"} and path.exists()
    assert differences["gender"] < 2e-3 and differences["age"] < 0.2


def test_a_model_that_answers_otherwise_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_another(path: Path, form: str) -> Any:
        return lambda images: {"gender": np.zeros((len(images), 1)), "age": np.ones(len(images))}

    monkeypatch.setattr(export, "open_model", of_another)
    with pytest.raises(UserError, match=r"gender by up to 0\.\d+ .*, age by up to inf"):
        export_model(averaged(), tmp_path / "m.keras", "keras", "float32", IMAGES)


def test_the_command_exports_a_model_with_its_card_and_template(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone, out = reproduced.clone, tmp_path / "exported"
    command = ("python", "-m", "agegender", "export", "custom", "--to", "litert", "--out", str(out))
    assert "on 6 validation photos it differs from Keras by" in clone.run(*command)
    assert {path.name for path in out.iterdir()} == {
        "custom.tflite",
        "custom.card.json",
        "README.md",
        "template.json",
        "yunet.onnx",
    }
    card = json.loads((out / "custom.card.json").read_text())
    assert card["metrics"] == json.loads((clone.path / "metrics/custom.json").read_text())
    assert card["commit"] == clone.run("git", "rev-parse", "HEAD").strip()
    _, header, text = (out / "README.md").read_text().split("---\n", 2)
    result = yaml.safe_load(header)["model-index"][0]["results"][0]
    assert result["metrics"][1]["value"] == card["metrics"]["age"]["mae"]
    assert card["file"]["sha256"]["custom.tflite"] in text
    assert "is not empty" in clone.run(*command, fails=True)
