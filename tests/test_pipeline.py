"""The whole pipeline through real DVC: outputs, experiments, mistakes."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.clones import outputs
from tests.conftest import Reproduced
from tests.crashes import wait_until


def ran(printed: str) -> list[str]:
    """The stages that DVC says it ran."""
    return re.findall(r"Running stage '([^']+)'", printed)


def test_every_photo_is_in_exactly_one_place(reproduced: Reproduced) -> None:
    data = reproduced.clone.path / "data"
    manifest = pd.read_csv(data / "raw/manifest.csv", keep_default_na=False)
    places = [data / f"split/{split}.csv" for split in ("train", "validation", "test")]
    placed = pd.concat([pd.read_csv(path) for path in [*places, data / "rejected.csv"]])
    assert sorted(placed["file"]) == sorted(manifest["file"])
    rejected = pd.read_csv(data / "rejected.csv", keep_default_na=False)
    assert len(rejected) and all(rejected["reason"])


def test_metrics_have_the_promised_names(reproduced: Reproduced) -> None:
    for model in ("custom", "vgg16"):
        metrics = json.loads((reproduced.clone.path / f"metrics/{model}.json").read_text())
        for task, names in {
            "gender": ("accuracy", "auc"),
            "age": ("mae", "rmse", "cs5", "bias"),
        }.items():
            for name in names:
                low, high = metrics[task][f"{name}_low"], metrics[task][f"{name}_high"]
                assert low <= metrics[task][name] <= high
        assert set(metrics["baseline"]) == {"gender", "age"}
        predictions = pd.read_csv(reproduced.clone.path / f"predictions/{model}.csv")
        assert metrics["n"] == len(predictions)
        right = (predictions["gender_predicted"] >= 0.5) == predictions["gender"]
        assert metrics["gender"]["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
        error = (predictions["age_predicted"] - predictions["age"]).abs()
        assert metrics["age"]["mae"] == pytest.approx(error.mean(), abs=1e-3)
        assert metrics["parameters"]["total"] >= metrics["parameters"]["trainable"] > 0


def test_the_metrics_command_prints_both_models_and_the_report(reproduced: Reproduced) -> None:
    printed = reproduced.clone.run("python", "-m", "agegender", "metrics")
    assert "Custom CNN" in printed and "VGG16" in printed and "age MAE" in printed
    assert str(reproduced.clone.path / "report/index.html") in printed


def test_saved_models_answer_pixels_without_the_project(reproduced: Reproduced) -> None:
    program = """
import keras, numpy as np
for name in ("custom", "vgg16"):
    model = keras.models.load_model(f"models/{name}.keras", safe_mode=True)
    for dtype in ("uint8", "float32"):
        answers = model(np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(dtype))
        assert answers["gender"].shape == answers["age"].shape == (3, 1)
        for task, highest in (("gender", 1), ("age", 116)):
            assert 0 <= np.min(answers[task]) and np.max(answers[task]) <= highest
try:
    import agegender
except ModuleNotFoundError:
    print("alone")
"""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=reproduced.clone.path,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.strip() == "alone", ran.stderr


@pytest.mark.long
def test_experiments(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    assert "up to date" in clone.dvc("repro")

    try:
        clone.dvc("exp", "run", "--queue", "--name", "less", "-S", "train_vgg16.dropout=0.3")
        clone.dvc("queue", "start", "--jobs", "1")
        # A look at the queue takes a second of its own, unlike one at git's references.
        wait_until(lambda: any((clone.path / ".git/refs/exps").rglob("less")), 600)
        wait_until(lambda: "Success" in clone.dvc("queue", "status"))
    finally:
        clone.dvc("queue", "stop", "--kill")
    assert ran(clone.dvc("queue", "logs", "less")) == ["train_vgg16", "evaluate@vgg16", "report"]
    shown = pd.read_csv(io.StringIO(clone.dvc("exp", "show", "--csv")))
    assert "less" in set(shown["Experiment"])
    (column,) = (name for name in shown if str(name).endswith("metrics/vgg16.json:age.mae"))
    assert shown[column].notna().all()

    clone.dvc("exp", "apply", "less")
    assert "metrics/vgg16.json" in clone.dvc("metrics", "diff")
    assert "dropout" in clone.dvc("params", "diff")
    # Back to what was: DVC's run cache knows the results.
    again = clone.dvc("exp", "run", "-S", "train_vgg16.dropout=0.5")
    assert "train_vgg16" not in ran(again) and "cached" in again


@pytest.mark.long
def test_paths_mean_the_same_in_an_experiment_and_a_split_file_counts_by_its_content(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    faces = tmp_path / "faces"
    faces.mkdir()
    photos = sorted((clone.path / "data/raw").glob("*.jpg"))[:30]
    for photo in photos:
        (faces / photo.name).write_bytes(photo.read_bytes())
    published = tmp_path / "published.csv"

    def publish(tested: int) -> None:
        rows = [f"{p.name},{'test' if i < tested else 'train'}" for i, p in enumerate(photos)]
        published.write_text("\n".join(["file,split", *rows]))

    publish(4)
    options = ("-S", "download.source=../faces", "-S", f"split.file={published}")
    printed = clone.dvc("exp", "run", "--temp", "--name", "published", *options, "split")
    assert ran(printed) == ["download", "split"]
    # One of them has no labels in its name.
    assert "30 files: 29 kept" in printed
    clone.dvc("exp", "apply", "published")
    assert len(pd.read_csv(clone.path / "data/split/test.csv")) == 4
    assert "up to date" in clone.dvc("status", "split")
    publish(5)
    assert "published.csv" in clone.dvc("status", "split")


def test_a_wrong_parameter_is_one_line_and_touches_nothing(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    before = {name: (clone.path / name).read_bytes() for name in outputs(clone.path)}
    # DVC removes what split wrote, and starts it.
    clone.set_parameters(split={"validation": 0.15}, evaluate={"bootstrap_samples": -5})
    wrong = "error: params.yaml: 'evaluate.bootstrap_samples' is -5, but should be"
    errors = [line for line in clone.dvc("repro", fails=True).splitlines() if "error:" in line]
    assert len(errors) == 1 and errors[0].startswith(wrong)
    assert {name: (clone.path / name).read_bytes() for name in outputs(clone.path)} == before
    assert clone.run("python", "-m", "agegender", "check", fails=True).startswith(wrong)
