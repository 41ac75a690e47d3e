"""Two runs of the pipeline write the same bytes, and a difference is noticed."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TINY, Reproduced
from tools.clones import Clone
from tools.verify import compare, differs_from_lock, reproduce


def test_two_clean_clones_write_the_same_bytes(reproduced: Reproduced, project: Clone) -> None:
    reproduce(project, **TINY)
    compared = compare(reproduced.clone.path, project.path)
    assert {output.path: output.different for output in compared if output.different} == {}
    assert {"data/raw", "models/custom.keras", "models/vgg16.keras", "report/index.html"} <= {
        output.path for output in compared
    }


@pytest.mark.parametrize("place", [".config/pip", "settings/pip", ".pip"])
def test_a_clone_uses_the_package_index_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    for name in ("PIP_CONFIG_FILE", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    assert "PIP_CONFIG_FILE" not in Clone(tmp_path, tmp_path / "home").env
    settings = tmp_path / place / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("[global]\nindex-url = https://packages.example.org/simple\n")
    told = Clone(tmp_path, tmp_path / "home").run(sys.executable, "-m", "pip", "config", "list")
    assert "global.index-url='https://packages.example.org/simple'" in told.splitlines()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert Clone(tmp_path, tmp_path / "home").env["PIP_CONFIG_FILE"] == os.devnull


def pipeline(path: Path, when: str) -> dict[str, Any]:
    """A folder with an output that is always the same and a folder that tells the time."""
    (path / "out/deep").mkdir(parents=True)
    (path / "same.txt").write_text("same")
    (path / "out/deep/time.txt").write_text(when)
    lock: dict[str, Any] = {
        "stages": {
            "a": {"outs": [{"path": "same.txt", "md5": "1"}]},
            "b": {"outs": [{"path": "out", "md5": when}]},
        }
    }
    (path / "dvc.lock").write_text(str(lock))
    return lock


def test_a_file_that_differs_is_named(tmp_path: Path) -> None:
    first = pipeline(tmp_path / "first", "now")
    pipeline(tmp_path / "second", str(time.time()))
    compared = compare(tmp_path / "first", tmp_path / "second")
    assert {output.path: output.different for output in compared} == {
        "same.txt": [],
        "out": ["deep/time.txt"],
    }
    assert differs_from_lock(tmp_path / "second", first) == ["out"]
    assert differs_from_lock(tmp_path / "first", first) == []


def test_a_file_too_many_is_named(tmp_path: Path) -> None:
    for name in ("first", "second"):
        pipeline(tmp_path / name, "now")
    (tmp_path / "second/out/more.txt").write_text("")
    compared = compare(tmp_path / "first", tmp_path / "second")
    assert [output.different for output in compared] == [[], ["more.txt"]]
