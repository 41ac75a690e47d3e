"""Settings that few use, each in a run of the whole pipeline: `make test-slow`."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from playwright.sync_api import Browser

from tests.conftest import Reproduced
from tests.test_report import dvc_plots, look

BEST: dict[str, Any] = {
    "epochs": 1,
    "ensemble_size": 2,
    "batch_normalization": True,
    "age_head": "distribution",
    "age_estimate": "median",
    "tta_flip": True,
}


def test_one_task_one_epoch_and_all_photos_have_a_report(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    clone.set_parameters(
        tasks=["age"],
        train_on="train+validation",
        train_custom=BEST,
        train_vgg16=BEST | {"unfreeze": "block5"},
    )
    clone.dvc("repro")
    page, faults = look(browser, clone.path / "report/index.html", 390)
    assert faults == []
    text = page.inner_text("body")
    assert "MAE" in text and "AUC" not in text and "Probability" not in text
    for words in (
        "was trained on the validation photos too",
        "including those of validation",
        "-S train_on=train",
        "the first of 2 networks",
    ):
        assert words in text
    page.close()
    plots = dvc_plots(clone, "show")
    assert len(plots) >= 5 and "roc" not in plots
    assert "failed" not in clone.dvc("plots", "show")


def test_three_photos_of_one_gender_are_enough(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    men = tmp_path / "men"
    men.mkdir()
    usable = pd.read_csv(clone.path / "data/split/train.csv").query("gender == 0")
    for name in usable.drop_duplicates("group")["file"][:3]:
        (men / name).write_bytes((clone.path / "data/raw" / name).read_bytes())
    clone.set_parameters(download={"source": str(men)}, train_custom={"epochs": 1})
    printed = clone.dvc("repro", "evaluate@custom")
    assert "1 train, 1 validation, 1 test" in printed and "Warning" not in printed
    metrics = json.loads((clone.path / "metrics/custom.json").read_text())
    assert metrics["n"] == 1 and metrics["gender"]["auc"] is None
    assert "Custom CNN" in clone.run("python", "-m", "agegender", "metrics")
