"""Carry the pins of the packages that stages depend on from requirements.txt to versions.yaml.

DVC depends on whole files or on parameters, not on single lines of requirements.txt; as
parameters of versions.yaml the packages of a stage can be named one by one.
"""

import re
from pathlib import Path

import yaml

REQUIREMENTS = Path("requirements.txt")
PIPELINE = Path("dvc.yaml")
VERSIONS = Path("versions.yaml")

HEADER = """\
# The versions of the packages that can change a stage's result. tools/versions.py carries them
# over from requirements.txt; stages name them in dvc.yaml, and rerun when they change.
"""


def pins(requirements: str) -> dict[str, str]:
    """The versions that the text of a requirements.txt pins, by package.

    A package that is pinned once for each of several Pythons or platforms has all of its versions
    in one string, each with its marker.
    """
    lines: dict[str, list[str]] = {}
    for line in requirements.splitlines():
        if match := re.fullmatch(r"([\w.-]+)==(\S+)(?: *; *(.+))?", line.strip()):
            name, version, marker = match.groups()
            lines.setdefault(name, []).append(f"{version} ; {marker}" if marker else version)
    return {name: " | ".join(versions) for name, versions in lines.items()}


def declared(pipeline: str) -> set[str]:
    """The packages that the text of a dvc.yaml names as parameters of versions.yaml."""
    return {
        name
        for stage in yaml.safe_load(pipeline)["stages"].values()
        for entry in stage.get("params", [])
        if isinstance(entry, dict)
        for name in entry.get(VERSIONS.name, [])
    }


def versions(requirements: str, pipeline: str) -> str:
    """The text of versions.yaml for the texts of requirements.txt and dvc.yaml."""
    pinned, wanted = pins(requirements), declared(pipeline)
    if missing := sorted(wanted - pinned.keys()):
        raise SystemExit(
            f"error: {PIPELINE} names {', '.join(missing)}, which {REQUIREMENTS} lacks"
        )
    return HEADER + yaml.safe_dump({name: pinned[name] for name in sorted(wanted)}, width=100)


if __name__ == "__main__":
    VERSIONS.write_text(versions(REQUIREMENTS.read_text(), PIPELINE.read_text()))
