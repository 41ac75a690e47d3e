"""Both networks, with every parameter that shapes a saved model, in every format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from agegender.export.export import TOLERANCES, export_model
from agegender.export.formats import FORMATS
from tests.test_export import averaged
from tests.test_models import BOTH, IMAGES, saved_vgg16, small

MODELS: dict[str, Callable[[], keras.Model]] = {
    "linear": small,
    "expectation": lambda: small(age_head="distribution"),
    "averaged": lambda: averaged(0.94, 1.07),
    "frozen": lambda: saved_vgg16(32, BOTH),
    "gender alone": lambda: saved_vgg16(32, ["gender"], unfreeze="block5"),
    "unfrozen": lambda: saved_vgg16(
        32,
        BOTH,
        unfreeze="block4",
        backbone_batch_normalization=True,
        age_head="distribution",
        tta_flip=True,
        tta_zooms=[0.9],
    ),
}


# How weights are rounded and stored has nothing to do with the other parameters.
ROUNDED = [("unfrozen", form, "float16") for form in FORMATS]


@pytest.mark.parametrize(
    ("name", "form", "weights"),
    [(name, form, "float32") for name in MODELS for form in FORMATS] + ROUNDED,
)
def test_every_model_answers_alike_in_every_format(
    name: str, form: Any, weights: Any, tmp_path: Path
) -> None:
    path = tmp_path / f"model{FORMATS[form].suffix}"
    images = np.concatenate([IMAGES, 255 - IMAGES])
    differences = export_model(MODELS[name](), path, form, weights, images)
    limits = TOLERANCES[weights]
    assert all(differences[task] <= limit for task, limit in limits.items() if task in differences)
