"""Set-up: the pinned packages fit together, also with CUDA, and stages find those of .venv."""

import sys
import venv
from pathlib import Path

import pytest

from tests.clones import ROOT, Clone
from tools.versions import pins


@pytest.mark.long
def test_cuda_s_packages_fit_the_others(tmp_path: Path) -> None:
    gpu = (ROOT / "requirements-gpu.txt").read_text()
    assert "--requirement requirements.txt\n" in gpu
    # Other packages are pinned once, in requirements.txt.
    own, shared = pins(gpu), pins((ROOT / "requirements.txt").read_text())
    assert own.keys() & shared.keys() == set()
    assert f"tensorflow[and-cuda]=={shared['tensorflow']}\n" in gpu
    platform = ("--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_28")
    clone = Clone(ROOT, tmp_path)
    resolved = clone.run("tools/uv", "pip", "compile", "--quiet", *platform, "requirements-gpu.txt")
    found = pins(resolved)
    assert found.keys() >= own.keys() and {"tensorflow", "keras"} <= found.keys()
    assert found["nvidia-cudnn-cu12"] == own["nvidia-cudnn-cu12"]


def test_a_stage_started_by_another_python_runs_in_venv(project: Clone, tmp_path: Path) -> None:
    # By the time that it starts, DVC has removed what it wrote before.
    venv.create(tmp_path / "bare", with_pip=False)
    bare = str(tmp_path / "bare/bin/python")
    printed = project.run(bare, "-m", "stages.download", fails=True)
    assert printed.startswith(f"error: {bare} lacks the packages of requirements.txt; run")
    (project.path / ".venv").symlink_to(sys.prefix)
    project.set_parameters(download={"sample_images": 2})
    assert "1 rejected (data/raw/manifest.csv)" in project.run(bare, "-m", "stages.download")
