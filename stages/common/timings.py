"""How long stages took, kept apart from outputs, which are the same bytes however long it was.

A record belongs to a result by the digest of the stage's main output, so that a result which
comes from a cache finds the time that its making once took.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agegender.common.files import atomic_write, sha256


def key(output: Path) -> str:
    """What a record of the stage that wrote the file ``output`` is found by: 16 digits."""
    return sha256(output)[:16]


def record(folder: Path, stage: str, output: Path, seconds: float, **more: Any) -> None:
    """Keep that ``stage`` took ``seconds`` to write ``output``.

    Args:
        folder: of all records.
        stage: its name.
        output: the stage's main output file.
        seconds: wall-clock time.
        more: what else to keep, such as ``epoch_seconds``, a list, and ``machine``.
    """
    path = folder / stage / f"{key(output)}.json"
    values = {"stage": stage, "seconds": seconds, **more}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def load(folder: Path, keys: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The records of these stages, each with its ``key``, where there is one for the output.

    Args:
        folder: of all records.
        keys: by stage, the `key` of its main output file.
    """
    found = {}
    for stage, digits in keys.items():
        path = folder / stage / f"{digits}.json"
        if path.is_file():
            found[stage] = {"key": digits, **json.loads(path.read_text(encoding="utf-8"))}
    return found
