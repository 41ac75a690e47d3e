"""docs/results.md: what is kept of a trial, and the page that is written from it."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Reproduced
from tools import results
from tools.trials import ABLATION, INFANT, MODELS, SEEDS, gather

PAGE = "".join(f"Before.\n<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in results.BLOCKS)


def test_the_page_tells_what_the_pipeline_measured(reproduced: Reproduced, tmp_path: Path) -> None:
    path = reproduced.clone.path
    # As it is read from its file.
    whole = json.loads(json.dumps(gather(reproduced.clone, None)))
    metrics = {
        model: json.loads((path / f"metrics/{model}.json").read_text(encoding="utf-8"))
        for model in MODELS
    }
    assert whole["test"] == metrics
    assert whole["minutes"]["vgg16"].keys() == {"embed_vgg16", "train_vgg16"}
    assert len(whole["curves"]["custom"]["validation"]["age_mae"]) == 3

    trials = {name: whole for name in ("source-report", *(f"best-{seed}" for seed in SEEDS))}
    for model, ingredients in ABLATION.items():
        for name in ingredients:
            trials[f"{model}-without-{name.replace(' ', '-')}"] = {
                "validation": {model: whole["validation"][model]}
            }
    page = results.written(PAGE, trials)
    assert page == results.written(page, trials)
    assert "old" not in page and page.count("Before.") == len(results.BLOCKS)
    for model in MODELS:
        age = metrics[model]["age"]
        assert f"{age['mae']:.2f} ({age['mae_low']:.2f} to {age['mae_high']:.2f})" in page
        assert f"**{age['mae']:.2f}** ± 0.00" in page
        assert f"{whole['validation'][model]['age']['mae']:.2f} |" in page
    assert "without batch normalisation" in page and "| gender female | " in page
    predictions = pd.read_csv(path / "predictions/vgg16.csv")
    infants = predictions[predictions["age"] < INFANT]
    accuracy = f"{len(infants)} test photos, younger than {INFANT} | "
    accuracy += "-" if infants.empty else f"{infants['gender_correct'].mean():.3f}"
    assert f"gender accuracy of the VGG16, {accuracy} |" in page
    results.draw_curves(trials, tmp_path / "curves.svg")
    assert "VGG16: age MAE, years" in (tmp_path / "curves.svg").read_text(encoding="utf-8")


def test_a_page_without_a_block_is_not_written() -> None:
    with pytest.raises(ValueError, match="no block 'test split'"):
        results.written("Nothing.", {})
