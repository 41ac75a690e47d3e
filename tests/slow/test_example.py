"""The worked example of docs/photos.md, and tables that lack what it has: `make test-slow`."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from portraits.album import draw_album
from tests.clones import ROOT
from tests.conftest import Reproduced


def test_the_worked_example_runs(reproduced: Reproduced, tmp_path: Path) -> None:
    text = (ROOT / "docs/photos.md").read_text(encoding="utf-8")
    section = text.partition("## A worked example")[2].partition("\n## ")[0]
    lines = re.findall(r"^    (.+)$", section, re.MULTILINE)
    assert 5 < len(lines) <= 10
    clone = reproduced.copy(tmp_path)
    printed = {}
    for line in lines:
        # It would serve until it is stopped.
        if not line.startswith("make serve"):
            printed[line.split("#")[0].strip()] = clone.run(
                "sh", "-ec", line.replace("--people 400", "--people 60")
            )
    assert "photos/0000/0.jpg" in printed["head -4 ../faces/labels.csv"]
    assert "120 photos would be kept" in printed["python -m agegender inspect ../faces"]
    assert '"people"' in printed["cat metrics/split.json"]
    assert "an age range" in printed["python -m agegender metrics"]
    groups = (clone.path / "plots/vgg16/age_groups.csv").read_text(encoding="utf-8")
    assert "camera,front" in groups and "race" not in groups
    report = (clone.path / "report/index.html").read_text(encoding="utf-8")
    assert "camera" in report and "of the same person" in report
    assert clone.run("git", "diff", "--stat", "params.yaml") == ""


@pytest.mark.parametrize("tasks", [["gender"], ["gender", "age"]], ids="+".join)
def test_labels_may_be_missing_or_ranges(
    reproduced: Reproduced, tmp_path: Path, tasks: list[str]
) -> None:
    draw_album(tmp_path / "faces", 60, 1)
    table = pd.read_csv(tmp_path / "faces/labels.csv", dtype=str)
    if tasks == ["gender"]:
        table = table.drop(columns="age")
    else:
        decades = table["age"].str.extract(r"^(\d+)")[0].astype(int) // 10 * 10
        table["age"] = [f"{start}-{start + 9}" for start in decades]
        table.loc[table.index % 5 == 0, "age"] = ""
        table.loc[table.index % 5 == 1, "sex"] = ""
    table.to_csv(tmp_path / "faces/labels.csv", index=False)
    clone = reproduced.copy(tmp_path)
    clone.set_parameters(download={"source": str(tmp_path / "faces")}, tasks=tasks)
    clone.dvc("repro")
    metrics = json.loads((clone.path / "metrics/vgg16.json").read_text())
    assert metrics.keys() & {"gender", "age"} == set(tasks)
    if len(tasks) == 2:
        assert metrics["known"]["age"] == 0 < metrics["known"]["age_range"] < metrics["n"]
        assert "range_distance" in metrics["baseline"]["age"] and "mae" not in metrics["age"]
    assert "nan" not in (clone.path / "models/vgg16.card.md").read_text()
    clone.dvc("plots", "show")
