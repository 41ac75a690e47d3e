"""Clones of the project in which the pipeline has run, so that nothing of the user's is touched."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import run
from stages.common import timings
from stages.report import OUTPUTS
from tests.clones import ROOT, Clone

FACES = ROOT.parent / "shared/data/utkface-train_val-5000.tar.gz"


@dataclass(frozen=True)
class Workspace:
    """A clone in which the pipeline has run.

    Attributes:
        clone: it.
        photos: what its photos are, in words.
        real: whether they are real faces.
    """

    clone: Clone
    photos: str
    real: bool

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.clone.path

    def stage_seconds(self) -> dict[str, dict[str, Any]]:
        """The record of time of each stage, where there is one."""
        outputs = {stage: self.path / output for stage, output in OUTPUTS.items()}
        keys = {stage: timings.key(file) for stage, file in outputs.items() if file.exists()}
        return timings.load(self.path / "timings", keys)

    def stage(self, name: str, *arguments: str) -> list[str]:
        """The command that runs a stage's script."""
        return [sys.executable, "-m", f"stages.{name}", *arguments]

    def run(self, *command: str) -> str:
        """Run a command in it; see `measure.run`."""
        return run(command, self.path, self.clone.env)


def empty(folder: Path, parameters: Mapping[str, Any]) -> Clone:
    """A clone with these parameters in which nothing has run."""
    clone = Clone.of_working_tree(folder)
    clone.set_parameters(**parameters)
    return clone


def _with_cache(folder: Path, parameters: Mapping[str, Any]) -> Clone:
    """A clone with these parameters and with what DVC keeps of the project's results.

    What DVC keeps are links, so that they take no room. Without DVC's notes of past runs, whatever
    differs from the project's results will really be run.
    """
    clone = empty(folder, parameters)
    cache = ROOT / ".dvc/cache/files"
    if cache.is_dir():
        shutil.copytree(cache, clone.path / ".dvc/cache/files", copy_function=_link)
    return clone


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another disk.
        shutil.copy(source, target)


def default(folder: Path, parameters: Mapping[str, Any]) -> Workspace:
    """The default pipeline; what the project has already computed is taken from there."""
    clone = _with_cache(folder, parameters)
    if (ROOT / "timings").is_dir():
        shutil.copytree(ROOT / "timings", clone.path / "timings")
    clone.dvc("checkout", "--allow-missing", "--quiet")
    return _filled(clone, "the default pipeline's drawn portraits", real=False)


def given(path: Path, home: Path) -> Workspace:
    """A clone in which the pipeline has run already, and which may be changed."""
    return Workspace(Clone(path, home), "a clone's photos", real=False)


def faces(folder: Path, parameters: Mapping[str, Any]) -> Workspace:
    """The pipeline on the real faces, with two epochs of the custom CNN in place of all."""
    clone = _with_cache(folder, {**parameters, "download": {"source": str(FACES)}})
    clone.set_parameters(train_custom={"epochs": 2})
    clone.dvc("checkout", "--allow-missing", "--quiet", "data/vgg16")
    return _filled(clone, "5,000 real faces of UTKFace", real=True)


def _filled(clone: Clone, photos: str, real: bool) -> Workspace:
    clone.dvc("repro")
    workspace = Workspace(clone, photos, real)
    timed = workspace.stage_seconds()
    # A result that came from the cache may have no record of time; that of the weights is the
    # network's.
    for stage in OUTPUTS:
        if stage not in timed and stage != "download_vgg16":
            clone.dvc("repro", "--force", "--single-item", stage)
    clone.commit("The pipeline has run")
    return workspace
