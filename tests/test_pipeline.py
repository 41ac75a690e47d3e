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
    assert "custom CNN" in printed and "VGG16" in printed and "age MAE" in printed
    assert str(reproduced.clone.path / "report/index.html") in printed


def test_the_saved_vgg16_answers_pixels_without_the_project(reproduced: Reproduced) -> None:
    program = """
import keras, numpy as np
model = keras.models.load_model("models/vgg16.keras", safe_mode=True)
answers = model(np.zeros((2, 32, 32, 3), "uint8"))
print(sorted(answers), answers["age"].shape, answers["gender"].shape)
"""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=reproduced.clone.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "['age', 'gender'] (2, 1) (2, 1)"


def test_experiments(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    assert "up to date" in clone.dvc("repro")

    changed = clone.dvc("exp", "run", "--name", "less", "-S", "train_vgg16.dropout=0.3")
    assert ran(changed) == ["train_vgg16", "evaluate@vgg16", "report"]
    assert "metrics/vgg16.json" in clone.dvc("metrics", "diff")
    assert "dropout" in clone.dvc("params", "diff")

    # Back to what was: DVC's run cache knows the results.
    again = clone.dvc("exp", "run", "-S", "train_vgg16.dropout=0.5")
    assert "train_vgg16" not in ran(again) and "cached" in again

    try:
        clone.dvc("exp", "run", "--queue", "-S", "report.gallery_images=2")
        clone.dvc("queue", "start", "--jobs", "1")
        wait_until(lambda: clone.dvc("queue", "status").count("Success") == 1, 300)
    finally:
        clone.dvc("queue", "stop", "--kill")
    shown = pd.read_csv(io.StringIO(clone.dvc("exp", "show", "--csv")))
    assert "less" in set(shown["Experiment"])
    (column,) = (name for name in shown if str(name).endswith("metrics/vgg16.json:age.mae"))
    assert shown[column].notna().all()


def test_a_relative_source_means_the_same_in_a_temporary_experiment(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    faces = tmp_path / "faces"
    faces.mkdir()
    for photo in sorted((clone.path / "data/raw").glob("*.jpg"))[:30]:
        (faces / photo.name).write_bytes(photo.read_bytes())
    printed = clone.dvc("exp", "run", "--temp", "-S", "download.source=../faces", "split")
    assert ran(printed)[0] == "download"
    # One of them has no labels in its name.
    assert "30 files: 29 kept" in printed


def test_another_content_of_the_split_file_splits_again(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    photos = sorted(path.name for path in (clone.path / "data/raw").glob("*.jpg"))[:20]
    published = tmp_path / "published.csv"

    def publish(tested: int) -> None:
        rows = [f"{file},{'test' if i < tested else 'train'}" for i, file in enumerate(photos)]
        published.write_text("\n".join(["file,split", *rows]))

    publish(4)
    option = f"split.file={published}"
    assert ran(clone.dvc("exp", "run", "-S", option, "split")) == ["split"]
    assert "up to date" in clone.dvc("repro", "split")
    publish(5)
    assert ran(clone.dvc("repro", "split")) == ["split"]
    assert len(pd.read_csv(clone.path / "data/split/test.csv")) == 5


def test_a_wrong_parameter_is_one_line_and_touches_nothing(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    before = {name: (clone.path / name).read_bytes() for name in outputs(clone.path)}
    # DVC removes what train_vgg16 wrote, and starts it.
    clone.set_parameters(train_vgg16={"dropout": 0.25}, evaluate={"bootstrap_samples": -5})
    wrong = "error: params.yaml: 'evaluate.bootstrap_samples' is -5, but should be"
    errors = [line for line in clone.dvc("repro", fails=True).splitlines() if "error:" in line]
    assert len(errors) == 1 and errors[0].startswith(wrong)
    assert {name: (clone.path / name).read_bytes() for name in outputs(clone.path)} == before
    assert clone.run("python", "-m", "agegender", "check", fails=True).startswith(wrong)
