"""Scoring labeled photos: the test split has the scores that the pipeline found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agegender.photos.photos import read_photos
from tests.conftest import Reproduced


def test_the_test_split_scores_as_in_the_pipeline(
    reproduced: Reproduced,
    agegender: Callable[..., str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clone = reproduced.clone
    for file in read_photos(clone.path / "data/split/test.csv")["file"]:
        shutil.copy(clone.path / "data/raw" / file, tmp_path)
    # No photo is left out, and what is none does not count.
    (tmp_path / "notes.txt").write_text("Taken in 2016")
    printed = agegender("score", str(tmp_path), "--model", "custom")
    metrics = json.loads((clone.path / "metrics/custom.json").read_text())
    assert "left out" not in printed + caplog.text
    assert f"on {metrics['n']} photos" in printed
    values = {line[:20].strip(): line.split(" (")[0].split()[-1] for line in printed.splitlines()}
    assert values["gender accuracy, %"] == f"{100 * metrics['gender']['accuracy']:.1f}"
    assert values["age MAE, years"] == f"{metrics['age']['mae']:.2f}"
