"""Saved models as the same bytes every time, in Keras's own format."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import keras

# The earliest date that a zip entry can carry.
EPOCH = (1980, 1, 1, 0, 0, 0)


def save(model: keras.Model, path: Path) -> None:
    """Write ``model`` to ``path`` (.keras) so that equal models are equal files.

    Keras writes three things that differ between equal models: the date into metadata.json and
    into the zip's entries, and the addresses of shared objects into config.json. The date goes,
    and the addresses become numbers in order of appearance.
    """
    folder = path.with_name(f"{path.name}.part")
    # A killed process may have left it.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        written, canonical = folder / "written.keras", folder / "canonical.keras"
        model.save(written)
        with zipfile.ZipFile(written) as source, zipfile.ZipFile(canonical, "w") as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name.endswith(".json"):
                    content = _canonical_json(content)
                target.writestr(zipfile.ZipInfo(name, EPOCH), content)
        canonical.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _canonical_json(content: bytes) -> bytes:
    numbers: dict[int, int] = {}

    def canonical(part: dict[str, Any]) -> dict[str, Any]:
        part.pop("date_saved", None)
        if "shared_object_id" in part:
            address = part["shared_object_id"]
            part["shared_object_id"] = numbers.setdefault(address, len(numbers))
        return part

    return json.dumps(json.loads(content, object_hook=canonical)).encode()
