"""A cross-validation by DVC's experiments, put together by the command line."""

import io

import pandas as pd
import pytest
import yaml

from tests.clones import Clone

# In place of two networks: the custom CNN is the median age of the photos to learn from, and VGG16
# is not evaluated.
GUESS = """
import json
from pathlib import Path
from agegender.evaluation.metrics import metrics
from agegender.evaluation.predictions import tabulate, write_predictions
from agegender.photos.photos import read_photos

train, test = (read_photos(Path(f"data/split/{split}.csv")) for split in ("train", "test"))
table = tabulate(test, {"age": [train["age"].median()] * len(test)})
write_predictions(Path("predictions/custom.csv"), table)
Path("metrics/custom.json").write_text(json.dumps(metrics(table, train, {}, 20, 1)))
"""


@pytest.fixture
def guessing(project: Clone) -> Clone:
    """A clone in which only ``download`` and ``split`` are the project's."""
    path = project.path / "dvc.yaml"
    document = yaml.safe_load(path.read_text())
    stages = {name: document["stages"][name] for name in ("download", "split")}
    stages["guess"] = {
        "cmd": "python guess.py",
        "deps": ["data/split"],
        "outs": ["predictions/custom.csv"],
        "metrics": [{"metrics/custom.json": {"cache": False}}],
    }
    path.write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    (project.path / "dvc.lock").unlink()
    (project.path / "guess.py").write_text(GUESS)
    project.set_parameters(download={"sample_images": 60})
    project.commit("A model that guesses")
    return project


@pytest.mark.long
def test_a_queued_cross_validation_is_put_together(guessing: Clone) -> None:
    command = ("python", "-m", "agegender", "folds")
    assert "error: no finished experiment on HEAD is a fold" in guessing.run(*command, fails=True)
    assert "error: unknown Git revision 'x'" in guessing.run(*command, "x", fails=True)
    options = ("split.folds=2", "split.fold=0,1", "split.validation=0.2")
    guessing.dvc("exp", "run", "--queue", *(f"-S{option}" for option in options))
    guessing.dvc("exp", "run", "--run-all")

    shown = pd.read_csv(io.StringIO(guessing.dvc("exp", "show", "--csv")))
    folds = shown[shown["split.folds"] == 2]
    errors, photos = folds["age.mae"], folds["n"]
    printed = guessing.run(*command, "--suspects", "suspects.csv")
    assert "2-fold cross-validation with split.validation=0.2: " in printed
    assert f"{photos.sum()} photos, each tested once" in printed
    assert f"{errors.mean():.2f} ± {errors.std():.2f}" in printed
    assert f"{(errors * photos).sum() / photos.sum():.2f} (" in printed
    assert "VGG16 was not evaluated in every fold" in printed
    suspects = pd.read_csv(guessing.path / "suspects.csv")
    assert 0 < len(suspects) < photos.sum() and set(suspects["label"]) == {"age"}
    assert ((suspects["custom_age"] - suspects["age"]).abs() >= 10).all()

    guessing.dvc("exp", "remove", folds["Experiment"][folds["split.fold"] == 1].item())
    assert "Not finished: fold 1 of 0 to 1" in guessing.run(*command)
