"""What changes and which stages rerun: docs/staleness.md, as `dvc status` tells it.

`python -m tools.staleness` writes the page, as `make deps` does.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import networkx
from dvc.repo import Repo

from tools import versions
from tools.clones import ROOT, Clone

PAGE = ROOT / "docs" / "staleness.md"

# One of each section of params.yaml, another value than the default, and what several stages read.
PARAMETERS: list[tuple[str, Any]] = [
    ("seed", 2),
    ("image_size", 64),
    ("tasks", ["age"]),
    ("train_on", "train+validation"),
    ("download.sample_images", 100),
    ("download_vgg16.source", "mirror"),
    ("split.test", 0.3),
    ("preprocess.shard_records", 64),
    ("embed_vgg16.precision", "bfloat16"),
    ("train_custom.epochs", 20),
    ("train_custom.seed", 2),
    ("train_vgg16.dropout", 0.3),
    ("train_vgg16.unfreeze", "block5"),
    ("evaluate.bootstrap_samples", 200),
    ("report.gallery_images", 3),
]
PACKAGES = ["tensorflow", "keras", "numpy", "scikit-learn", "ruff"]


@dataclass(frozen=True)
class Row:
    """A change, the stages that it makes stale, and those behind them."""

    change: str
    reruns: tuple[str, ...]
    may_follow: tuple[str, ...]


class Pipeline:
    """A clone in which every stage is up to date, though none has run."""

    def __init__(self, folder: Path) -> None:
        self.clone = Clone.of_working_tree(folder)
        with self._repo() as repo:
            # Stages also name files inside another's folder.
            between = [*repo.index.outs, *(dep for dep in repo.index.deps if not dep.exists)]
            self._outputs = [Path(each.fs_path) for each in between]
        self._write_outputs()
        self.clone.dvc("commit", "--force")
        self.clone.commit("Results")
        with self._repo() as repo:
            graph = repo.index.graph
            self._behind = {
                stage.name: {behind.name for behind in networkx.ancestors(graph, stage)}
                for stage in repo.index.stages
            }

    def after(self, change: str, edit: Callable[[Clone], None]) -> Row:
        """What is stale after ``edit``, which is undone."""
        edit(self.clone)
        stale = self._status().keys() & self._behind.keys()
        self._undo()
        return self._row(change, stale)

    def after_each(self, files: list[str]) -> list[Row]:
        """What is stale after an edit of each of these files; of all in one go, since DVC tells."""
        for name in files:
            append(name)(self.clone)
        changed = {
            stage: {name for part in parts for name in part.get("changed deps", {})}
            for stage, parts in self._status().items()
        }
        self._undo()
        return [
            self._row(name, {stage for stage, names in changed.items() if name in names})
            for name in files
        ]

    def code(self) -> list[str]:
        """Every Python file and template of the pipeline."""
        return sorted(
            str(path.relative_to(self.clone.path))
            for folder in ("agegender", "stages")
            for path in (self.clone.path / folder).rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        )

    def _row(self, change: str, stale: set[str]) -> Row:
        behind = set().union(*(self._behind[name] for name in stale)) - stale
        reruns, may_follow = (
            tuple(name for name in self._behind if name in names) for names in (stale, behind)
        )
        return Row(change, reruns, may_follow)

    def _status(self) -> dict[str, Any]:
        with self._repo() as repo:
            # A stage is told by its file, relative to where this runs, and its name.
            return {key.rpartition(":")[2]: parts for key, parts in repo.status().items()}

    def _undo(self) -> None:
        self.clone.run("git", "checkout", "--quiet", ".")
        self._write_outputs()

    def _write_outputs(self) -> None:
        for path in self._outputs:
            file = path if path.suffix else path / "placeholder"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{path.name}\n")

    @contextmanager
    def _repo(self) -> Iterator[Repo]:
        # In this process, since a row would take a second more in one of its own.
        before = dict(os.environ)
        os.environ |= self.clone.env
        try:
            with Repo(str(self.clone.path)) as repo:
                yield repo
        finally:
            os.environ.clear()
            os.environ |= before


def parameter(name: str, value: Any) -> Callable[[Clone], None]:
    """An edit of params.yaml."""
    section, _, key = name.partition(".")
    return lambda clone: clone.set_parameters(**{section: {key: value} if key else value})


def another_version(package: str) -> Callable[[Clone], None]:
    """An edit of requirements.txt, carried over as `make` does."""

    def edit(clone: Clone) -> None:
        path = clone.path / versions.REQUIREMENTS
        text, found = re.subn(
            rf"^{package}==[^\s;]+", f"{package}==99.1", path.read_text(), flags=re.M
        )
        if not found:
            raise ValueError(f"{path.name} does not pin {package}")
        path.write_text(text)
        pipeline = (clone.path / versions.PIPELINE).read_text()
        (clone.path / versions.VERSIONS).write_text(versions.versions(text, pipeline))

    return edit


def append(name: str) -> Callable[[Clone], None]:
    """An edit of a file that leaves it as good as it was."""

    def edit(clone: Clone) -> None:
        with (clone.path / name).open("a") as file:
            file.write("\n")

    return edit


def rows(folder: Path) -> dict[str, list[Row]]:
    """The page's tables, by heading; ``folder`` is for a clone."""
    pipeline = Pipeline(folder)
    return {
        "A parameter in params.yaml": [
            pipeline.after(name, parameter(name, value)) for name, value in PARAMETERS
        ],
        "A file of the project": _together(pipeline.after_each(pipeline.code())),
        "The version of a package in requirements.txt": [
            pipeline.after(name, another_version(name)) for name in PACKAGES
        ],
        "A photo in data/raw": [
            pipeline.after("another photo", append("data/raw/placeholder")),
        ],
    }


def _together(found: list[Row]) -> list[Row]:
    """One row for the files with the same consequences."""
    alike = sorted(found, key=lambda row: (row.reruns, row.may_follow))
    return [
        Row("<br>".join(row.change for row in group), *consequences)
        for consequences, group in groupby(alike, key=lambda row: (row.reruns, row.may_follow))
    ]


def page(tables: dict[str, list[Row]]) -> str:
    """The text of docs/staleness.md."""
    lines = [INTRODUCTION]
    for heading, found in tables.items():
        lines += [f"## {heading}", "", "| what changes | reruns | may follow |", "|---|---|---|"]
        lines += [
            f"| {row.change} | {', '.join(row.reruns) or 'nothing'} | {', '.join(row.may_follow)} |"
            for row in found
        ]
        lines.append("")
    return "\n".join(lines)


INTRODUCTION = """\
# What makes a stage stale

`dvc repro` reruns a stage when something that its block in [dvc.yaml](../dvc.yaml) declares is no
longer what [dvc.lock](../dvc.lock) says: a data file, a parameter, a project file that its script
imports, directly or through others, or the version of a package that can change its result.

The first column is what changes, the second which stages certainly rerun. The third names the
stages behind those: each reruns if what it reads has come out with other bytes. Every result is
the same bytes for the same inputs, so a stage that reran only because its code was tidied writes
what was there before, and nothing behind it reruns.

These tables are the answers of `dvc status` after each change. `make deps` writes them, and a test
keeps them true.
"""


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(rows(Path(folder))))


if __name__ == "__main__":
    main()
