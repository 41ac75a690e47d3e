"""docs/results.md: what is kept of a trial, and the page that is written from it."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from agegender.photos.labels import Labels
from agegender.photos.photos import SPLITS
from agegender.preparation.duplicates import refuse_copies
from agegender.preparation.screening import Rejection, write_rejections
from tests.conftest import Reproduced
from tools import results
from tools.clones import ROOT, Clone
from tools.trials import (
    ABLATION,
    INFANT,
    MODELS,
    SEEDS,
    STAGES,
    TRIALS,
    UNCHANGED,
    ablated,
    contradictions,
    gather,
    reference,
    seeded,
    timed,
    train_anew,
)

BLOCKS = {name: block for blocks in results.PAGES.values() for name, block in blocks.items()}
PAGE = "".join(
    f"Before.\n<!-- {name} -->\nAn outdated table.\n<!-- /{name} -->\n" for name in BLOCKS
)


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
    alone = {model: json.loads(json.dumps(gather(reproduced.clone, model))) for model in MODELS}
    assert len(alone["custom"]["curves"]["custom"]["validation"]["age_mae"]) == 3

    trials = {f"best-{seed}": {**whole, "machine": "this one"} for seed in SEEDS}
    trials["source-report"] = {**whole, "machine": "another"}
    for model, changes in ABLATION.items():
        for name in (reference(model), *(ablated(model, each) for each in changes)):
            trials[name] = alone[model]
    del trials[ablated("vgg16", "without augmentation")]
    kept = gather(reproduced.clone, "vgg16", scored=False)
    assert kept == {"minutes": {"vgg16": whole["minutes"]["vgg16"]}}
    stages = {"embed_vgg16": 10.7, "train_vgg16": 47.5}
    trials[timed("vgg16")] = {"minutes": {"vgg16": stages}, "machine": "the same"}
    page = results.written(PAGE, BLOCKS, trials)
    assert page == results.written(page, BLOCKS, trials)
    assert "outdated" not in page and page.count("Before.") == len(BLOCKS)
    for model in MODELS:
        age = metrics[model]["age"]
        assert f"{age['mae']:.2f} ({age['mae_low']:.2f} to {age['mae_high']:.2f})" in page
        assert f"**{age['mae']:.2f}** ± 0.00" in page
        assert f"{alone[model]['validation'][model]['age']['mae']:.2f} |" in page
    assert "| without augmentation | not measured yet |" in page
    assert "| custom CNN | not measured yet |" in page
    assert "| VGG16 | 10.7 | 47.5 | 58 | the same |" in page
    assert "Minutes are, of source-report on another; of best on this one." in page
    assert "without batch normalisation" in page and "| gender female | " in page
    for score in ("rmse", "median_error"):
        assert f"| {whole['comparison']['age'][score]:+z.2f} (" in page
    last = whole["groups"]["vgg16"]["age"][-1]
    group = re.escape(f"| {last['by']} {last['group']} |")
    [row] = re.findall(rf"^{group} .*", page, re.MULTILINE)
    assert row.endswith(f" | {last['bias']:+z.1f} |")
    predictions = pd.read_csv(path / "predictions/vgg16.csv")
    infants = predictions[predictions["age"] < INFANT]
    accuracy = f"{len(infants)} test photos of people under {INFANT}, VGG16 | "
    accuracy += "-" if infants.empty else f"{infants['gender_correct'].mean():.3f}"
    assert f"gender accuracy on the {accuracy} |" in page
    for split in SPLITS:
        photos = len(pd.read_csv(path / f"data/split/{split}.csv"))
        assert f"| photos of the {split} split | {photos} |" in page
    results.draw_curves(trials, tmp_path / "curves.svg")
    assert "VGG16: age MAE, years" in (tmp_path / "curves.svg").read_text(encoding="utf-8")


def test_a_page_without_a_block_is_not_written() -> None:
    with pytest.raises(ValueError, match="no block 'test split'"):
        results.written("Nothing.", BLOCKS, {})


def test_minutes_are_of_a_run_of_its_own(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    stages = STAGES["vgg16"]
    for stage in stages:
        [record] = (clone.path / "timings" / stage).glob("*.json")
        record.write_text(json.dumps({"stage": stage, "seconds": 6e6}), encoding="utf-8")
    train_anew(clone, "vgg16")
    minutes = gather(clone, "vgg16", scored=False)["minutes"]["vgg16"]
    assert minutes.keys() == stages.keys()
    assert max(minutes.values()) < 1e5
    record.unlink()
    with pytest.raises(RuntimeError, match="train_vgg16: no time was kept"):
        gather(clone, "vgg16", scored=False)


def test_contradicting_copies_are_counted_as_pairs(tmp_path: Path) -> None:
    photos = [
        ("20_0_0_1.jpg", b"a", Labels(20, 0, 0)),
        ("26_1_0_2.jpg", b"a", Labels(26, 1, 0)),
        ("40_1_0_3.jpg", b"b", Labels(40, 1, 0)),
        ("41_1_0_4.jpg", b"b", Labels(41, 1, 0)),
        ("50_1_0_5.jpg", b"c", Labels(50, 1, 0)),
        ("50_1_0_6.jpg", b"c", Labels(50, 1, 0)),
    ]
    duplicates, contradicting = refuse_copies(photos)
    rejections = [Rejection(file, "duplicate", why) for file, why in duplicates.items()]
    rejections += [Rejection(file, "contradiction", why) for file, why in contradicting.items()]
    write_rejections(tmp_path / "rejected.csv", rejections)
    found = contradictions(tmp_path / "rejected.csv")
    assert found == {"pairs": 2, "other_gender": 1, "years_apart": 3.5}


def test_a_trial_changes_nothing_but_what_it_names(tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    recipe = yaml.safe_load((ROOT / "recipes/best.yaml").read_text(encoding="utf-8"))

    def parameters(**changes: object) -> dict:
        Clone(tmp_path, tmp_path).set_parameters(**changes)
        found: dict = yaml.safe_load((tmp_path / "params.yaml").read_text(encoding="utf-8"))
        return found

    parameters(**recipe)
    expected = parameters(**seeded(SEEDS[0]))
    assert expected["embed_vgg16"]["augmentation"]["flip"] is True
    expected["train_custom"]["augmentation"] = UNCHANGED
    # What is scored on the validation photos has not seen them.
    expected["train_on"] = "train"
    assert parameters(**TRIALS[ablated("custom", "without augmentation")].changes) == expected


@pytest.mark.parametrize(
    "name", [name for name, trial in TRIALS.items() if trial.model and trial.scored]
)
def test_what_the_ablation_scores_on_validation_photos_was_not_trained_on_them(name: str) -> None:
    assert TRIALS[name].changes["train_on"] == "train"


@pytest.mark.parametrize("name", TRIALS)
def test_a_trial_s_parameters_can_be_written_behind_its_recipe_s(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    trial = TRIALS[name]
    recipe = yaml.safe_load((ROOT / f"recipes/{trial.recipe}.yaml").read_text(encoding="utf-8"))
    for changes in (recipe, trial.changes):
        Clone(tmp_path, tmp_path).set_parameters(**changes)
    found = yaml.safe_load((tmp_path / "params.yaml").read_text(encoding="utf-8"))
    for section, values in trial.changes.items():
        written = found[section]
        if isinstance(values, dict):
            written = {key: written[key] for key in values}
        assert written == values


@pytest.mark.parametrize("page", results.PAGES, ids=lambda page: page.name)
def test_the_pages_tell_what_was_kept(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == results.written(text, results.PAGES[page], results.load())
