"""What tests share: clones of the project in which DVC really runs."""

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, sync_playwright

from cli.main import main
from stages.common.environment import SETTINGS
from tests.clones import Clone

# What tests compute in this process, or start by `python -c`, is computed as in the stages.
os.environ |= SETTINGS
# Nor is garbage looked for while the tests import TensorFlow, or among its modules later.
gc.disable()

# The whole pipeline, as small as it goes.
TINY = {
    "image_size": 32,
    "download": {"sample_images": 60},
    "align": {"photos": 20},
    "train_custom": {
        "epochs": 3,
        "filters": [4, 8],
        "dense_units": [8],
        "age_head": "distribution",
    },
    "train_vgg16": {"epochs": 2, "dense_units": [8]},
    "evaluate": {"bootstrap_samples": 100, "corruption_photos": 4, "occlusion_photos": 2},
}


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Let one worker run the tiny pipeline while the others run tests that need none.

    Those that take long come early, so that no worker is left with one at the end; those that wait
    for the pipeline come after enough others.
    """
    of_pipeline: dict[bool, list[pytest.Function]] = {True: [], False: []}
    for item in sorted(items, key=lambda item: item.get_closest_marker("long") is None):
        of_pipeline["reproduced" in item.fixturenames].append(item)
    waiting, others = of_pipeline[True], of_pipeline[False]
    meanwhile = len(others) // 2
    items[:] = [*waiting[:1], *others[:meanwhile], *waiting[1:], *others[meanwhile:]]
    gc.freeze()
    gc.enable()


@pytest.fixture
def project(tmp_path: Path) -> Clone:
    """A fresh clone of the working tree, with git, DVC and an empty cache of its own."""
    return Clone.of_working_tree(tmp_path / "clone")


@dataclass(frozen=True)
class Reproduced:
    """A clone in which the tiny pipeline has run, not to be changed."""

    clone: Clone

    def copy(self, folder: Path) -> Clone:
        """A copy that a test may change, with the cache, in ``folder``."""
        shutil.copytree(self.clone.path, folder / "clone", symlinks=True)
        copied = Clone(folder / "clone", folder / "home")
        copied.commit("The tiny pipeline has run")
        return copied


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    """The tiny pipeline, run once for all tests that only look at what it wrote."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Of all the workers.
        folder = folder.parent
    folder /= "reproduced"
    with FileLock(f"{folder}.lock"):
        clone = Clone(folder / "project", folder / "home")
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            Clone.of_working_tree(folder).reproduce(**TINY)
            (folder / "done").touch()
    return Reproduced(clone)


@pytest.fixture
def agegender(
    reproduced: Reproduced, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """`python -m agegender` in this process, where TensorFlow is imported: in the clone, or another
    ``folder``.

    It returns what is printed, or the line in which it ends.
    """

    def run(*arguments: str, folder: Path = reproduced.clone.path) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["agegender", *arguments])
        try:
            main()
        except SystemExit as error:
            return str(error)
        return "".join(capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the machine has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, f"these tests need a browser: install one of {', '.join(names)}"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()
