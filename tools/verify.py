"""Run the whole pipeline in two clean clones and compare what the stages wrote, byte by byte.

`python -m tools.verify` clones the last commit twice, each with an empty cache of its own, and runs
`dvc repro` in each. It prints a line for every output of every stage and fails on any difference;
a difference from the outputs that the commit's dvc.lock tells of counts too.
"""

import hashlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from agegender.common.files import sha256
from tools.clones import Clone

LOCK = "dvc.lock"


@dataclass(frozen=True)
class Comparison:
    """One output of a stage: its digest, and the files in which it differs."""

    stage: str
    path: str
    digest: str
    different: list[str]


def reproduce(clone: Clone, **parameters: Any) -> None:
    """Run every stage in the clone, with these parameters other than the commit's."""
    clone.set_parameters(**parameters)
    (clone.path / LOCK).unlink(missing_ok=True)
    clone.dvc("repro")


def compare(first: Path, second: Path) -> list[Comparison]:
    """Every output of every stage in two folders in which the pipeline has run.

    Raises:
        ValueError: the outputs in their dvc.lock have other names.
    """
    outputs = _outputs(_lock(first))
    if outputs.keys() != _outputs(_lock(second)).keys():
        raise ValueError(f"the stages in {first} and {second} wrote other outputs")
    return [_compare(stage, path, first / path, second / path) for stage, path in outputs]


def differs_from_lock(clone: Path, committed: dict[str, Any]) -> list[str]:
    """The outputs in a clone whose dvc.lock has another digest than the ``committed`` one."""
    before, now = _outputs(committed), _outputs(_lock(clone))
    return sorted(
        path
        for stage, path in before.keys() | now.keys()
        if before.get((stage, path)) != now.get((stage, path))
    )


def _lock(clone: Path) -> dict[str, Any]:
    lock: dict[str, Any] = yaml.safe_load((clone / LOCK).read_text())
    return lock


def _outputs(lock: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (stage, out["path"]): out["md5"]
        for stage, entry in lock["stages"].items()
        for out in entry.get("outs", [])
    }


def _compare(stage: str, path: str, first: Path, second: Path) -> Comparison:
    one, other = _files(first), _files(second)
    digest = hashlib.sha256(repr(sorted(one.items())).encode()).hexdigest()
    if set(one) == {""}:
        digest = one[""]
    different = sorted(
        name for name in one.keys() | other.keys() if one.get(name) != other.get(name)
    )
    return Comparison(stage, path, digest, different)


def _files(output: Path) -> dict[str, str]:
    """The digest of each file in an output, by its name there; a file's own name is empty."""
    found = [output] if output.is_file() else [file for file in output.rglob("*") if file.is_file()]
    digests = {}
    for file in found:
        name = "" if file == output else file.relative_to(output).as_posix()
        digests[name] = sha256(file)
    return digests


def main() -> None:
    """Compare two runs of the last commit, and with its dvc.lock."""
    # A log is as wide as the table.
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory() as folder:
        clones = [Clone.of_head(Path(folder) / name) for name in ("first", "second")]
        lock = clones[0].path / LOCK
        committed = _lock(clones[0].path) if lock.exists() else None
        for number, clone in enumerate(clones, 1):
            console.print(f"Running the pipeline in clone {number} of {len(clones)}")
            reproduce(clone)
        compared = compare(*(clone.path for clone in clones))
        changed = differs_from_lock(clones[0].path, committed) if committed else []
        table = Table("stage", "output", "sha256", "two clones", f"committed {LOCK}")
        for output in compared:
            table.add_row(
                output.stage,
                output.path,
                output.digest[:16],
                f"different: {', '.join(output.different)}" if output.different else "same",
                "none" if committed is None else "different" if output.path in changed else "same",
            )
        console.print(table)
    sys.exit(bool(changed or any(output.different for output in compared)))


if __name__ == "__main__":
    main()
