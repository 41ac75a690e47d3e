"""Publishing: what one repository pushes to a DVC remote, another one fetches."""

import json
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from agegender.prediction.predictor import Predictor
from tests.clones import ROOT, Clone
from tests.conftest import Reproduced


@pytest.mark.long
def test_what_the_hook_pushes_another_repository_fetches(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    first = reproduced.copy(tmp_path / "first")
    first.dvc("remote", "add", "--default", "shared", str(tmp_path / "remote"))
    first.commit("Where results are shared")
    for name in ("models", "custom", "custom-card", "template"):
        first.run("git", "tag", "-a", f"{name}@v1.0.0", "-m", "First version")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    (entry,) = (hook["entry"] for hook in hooks if hook["id"] == "dvc-pre-push")
    push = shlex.split(entry.replace(".venv/bin/dvc", "dvc"))
    assert "files pushed" in first.run(*push)
    url, model = str(first.path), (first.path / "models/custom.keras").read_bytes()

    other = Clone(tmp_path / "other", tmp_path / "home")
    other.path.mkdir()
    other.run("git", "init", "--quiet")
    other.dvc("init", "--quiet")
    other.dvc("get", url, "models", "--out", "fetched")
    card = json.loads((other.path / "fetched/custom.card.json").read_text())
    assert card["metrics"] == json.loads((first.path / "metrics/custom.json").read_text())
    # A model's artifact is complete: it can be predicted with, and checked against its card.
    other.dvc("artifacts", "get", url, "models", "--rev", "v1.0.0", "--out", "published")
    assert Predictor(other.path / "published/custom.keras").template.usable
    other.dvc("artifacts", "get", url, "custom", "--out", "artifact.keras")
    for name, file in (("custom-card", "custom.card.json"), ("template", "template.json")):
        other.dvc("artifacts", "get", url, name, "--rev", "v1.0.0", "--out", file)
        assert (other.path / file).read_bytes() == (first.path / "models" / file).read_bytes()
    folders = ("fetched/custom.keras", "published/custom.keras")
    for name in (*folders, "artifact.keras"):
        assert (other.path / name).read_bytes() == model


def test_a_clone_without_a_remote_can_push_and_check_out(project: Clone, tmp_path: Path) -> None:
    (project.path / ".venv").symlink_to(sys.prefix)
    project.run("git", "init", "--quiet", "--bare", str(tmp_path / "bare"))
    project.run("git", "remote", "add", "origin", str(tmp_path / "bare"))
    project.run("pre-commit", "install")
    # These take long and have a test of their own in `make test`.
    project.env["SKIP"] = "ruff-check,ruff-format,mypy"
    project.run("git", "push", "--quiet", "origin", "main")
    project.run("git", "checkout", "--quiet", "-b", "another")
    assert "main" in project.run("git", "ls-remote", str(tmp_path / "bare"))
