"""The code and the packages that each stage in dvc.yaml depends on, from what its script imports.

`python -m tools.dependencies` prints the lines of dvc.yaml to add and to remove, and fails if there
are any; with `--write` it edits dvc.yaml instead.
"""

import argparse
import io
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import Any

import grimp
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

PACKAGES = ("agegender", "stages")
PIPELINE = Path("dvc.yaml")
VERSIONS = "versions.yaml"

# Packages that the pipeline imports and whose version cannot change a result: they fetch what is
# checked by digest, read what is plain, compute a checksum that every version computes alike, watch
# processes, or speak to the person at the terminal.
HARMLESS = frozenset(
    {"dvc", "gdown", "google-crc32c", "psutil", "pydantic", "pyyaml", "requests", "rich", "tqdm"}
)
# Packages that compute for another one without being imported by name.
COMPUTES_WITH = {
    "imagehash": ("numpy", "pillow", "scipy"),
    "keras": ("tensorflow",),
    "scikit-learn": ("numpy", "scipy"),
    "tensorflow": ("keras", "numpy"),
}


@dataclass(frozen=True)
class Dependencies:
    """What a stage depends on beside its data, each in the order in which dvc.yaml names it."""

    code: list[str]
    packages: list[str]


class Imports:
    """The import graph of the project, whose packages must be importable."""

    def __init__(self) -> None:
        self._graph = grimp.build_graph(
            *PACKAGES,
            include_external_packages=True,
            exclude_type_checking_imports=True,
            cache_dir=None,
        )
        self._distributions = packages_distributions()

    def of(self, module: str) -> Dependencies:
        """What ``module`` imports, directly or not, anywhere in its code, and itself.

        A package counts with its __init__.py, and with the files in it that are not Python.
        """
        found: set[str] = set()
        waiting = [module]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            if self._is_ours(name):
                waiting += self._graph.find_modules_directly_imported_by(name)
                waiting += [name.rpartition(".")[0]] if "." in name else []
        ours = {name for name in found if self._is_ours(name)}
        return Dependencies(
            code=sorted(chain.from_iterable(_files(name) for name in ours)),
            packages=self._packages(found - ours),
        )

    def _is_ours(self, name: str) -> bool:
        return name.split(".")[0] in PACKAGES

    def _packages(self, modules: Iterable[str]) -> list[str]:
        found: set[str] = set()
        waiting = [
            _normal(distribution)
            for module in modules
            if module not in sys.stdlib_module_names
            for distribution in self._distributions[module]
        ]
        while waiting:
            name = waiting.pop()
            if name not in found and name not in HARMLESS:
                found.add(name)
                waiting += COMPUTES_WITH.get(name, ())
        return sorted(found)


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _files(module: str) -> Iterator[str]:
    path = Path(*module.split("."))
    if not path.is_dir():
        yield f"{path}.py"
        return
    yield f"{path}/__init__.py"
    for file in path.rglob("*"):
        folder = next(parent for parent in file.parents if (parent / "__init__.py").exists())
        if file.is_file() and folder == path and file.suffix not in {".py", ".pyc"}:
            yield str(file)


def script(command: str) -> str:
    """The module that a stage's command runs, such as stages.split."""
    match = re.match(r"python -m ([\w.]+)", command)
    if match is None:
        raise SystemExit(f"error: {PIPELINE}: '{command}' does not start with python -m MODULE")
    return match[1]


def update(pipeline: str, imports: Imports) -> tuple[str, list[str]]:
    """Bring the code dependencies and package versions in the text of a dvc.yaml up to date.

    Returns:
        The text with exactly the code and the packages that each stage's script imports, code
        behind the data, all else as it was; and the changes, a line each.
    """
    yaml = YAML()
    yaml.width = 4096
    document = yaml.load(pipeline)
    changes: list[str] = []
    for name, stage in document["stages"].items():
        wanted = imports.of(script(stage["cmd"]))
        deps = stage.setdefault("deps", CommentedSeq())
        data = [entry for entry in deps if entry.split("/")[0] not in PACKAGES]
        code = [entry for entry in deps if entry not in data]
        changes += _changes(f"{name}: deps", code, wanted.code)
        _replace(deps, [*data, *wanted.code])

        params = stage["params"]
        versions: Any = next(
            (entry for entry in params if isinstance(entry, dict) and VERSIONS in entry),
            CommentedMap({VERSIONS: CommentedSeq()}),
        )
        changes += _changes(f"{name}: params: {VERSIONS}", versions[VERSIONS], wanted.packages)
        if wanted.packages and versions not in params:
            versions.fa.set_flow_style()
            params.append(versions)
        elif not wanted.packages and versions in params:
            params.remove(versions)
        _replace(versions[VERSIONS], wanted.packages, flow=True)
    output = io.StringIO()
    yaml.dump(document, output)
    return output.getvalue(), changes


def _changes(where: str, present: list[str], wanted: list[str]) -> list[str]:
    return [f"{where}: add    - {entry}" for entry in wanted if entry not in present] + [
        f"{where}: remove - {entry}" for entry in present if entry not in wanted
    ]


def _replace(sequence: CommentedSeq, entries: list[str], flow: bool = False) -> None:
    if list(sequence) != entries:
        sequence[:] = entries
        (sequence.fa.set_flow_style if flow else sequence.fa.set_block_style)()


def main() -> None:
    """Check dvc.yaml, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="edit dvc.yaml")
    write = parser.parse_args().write
    text, changes = update(PIPELINE.read_text(), Imports())
    print("\n".join(changes) or f"{PIPELINE} names exactly what the stages import")
    if write:
        PIPELINE.write_text(text)
    elif changes:
        raise SystemExit("run `make deps` to write them")


if __name__ == "__main__":
    main()
