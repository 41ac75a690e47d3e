"""Models, templates and cards from elsewhere: no code runs, and corrupt ones are rejected."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from agegender.common.errors import DamagedFileError
from agegender.evaluation.predict import load
from agegender.faces.template import read_template
from agegender.report.card import MAX_BYTES, Card, markdown, read_card, write_card
from agegender.training.saving import save
from tests.test_models import small

TEMPLATE = {"landmarks": [[0.4, 0.5]] * 5, "spread": [[0.1, 0.1]] * 5, "photos": 9, "one_face": 1.0}


def corrupt(content: bytes, count: int) -> Iterator[bytes]:
    """Copies that are cut off, have other bytes, or lack some or repeat some."""
    random = np.random.default_rng(0)
    for number in range(count):
        start, length = int(random.integers(len(content))), int(random.integers(1, 40))
        noise = random.bytes(length)
        match number % 4:
            case 0:
                yield content[:start]
            case 1:
                yield content[:start] + noise + content[start + length :]
            case 2:
                yield content[:start] + content[start + length :]
            case 3:
                yield content[:start] + content[start : start + length] * 3 + content[start:]


def never_fails_otherwise(read: Callable[[Path], object], path: Path, copies: list[bytes]) -> None:
    """Read each copy; what cannot be read must be a `DamagedFileError` of one line."""
    rejected = 0
    for copy in copies:
        path.write_bytes(copy)
        try:
            read(path)
        except DamagedFileError as error:
            rejected += 1
            assert "\n" not in str(error)
    assert rejected > len(copies) / 4


def test_a_corrupt_template_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(TEMPLATE))
    read_template(path)
    never_fails_otherwise(read_template, path, list(corrupt(path.read_bytes(), 200)))
    # No photo can be cropped to landmarks that are nowhere, or all at one place.
    for change in ({"landmarks": [[float("nan"), 1e300]] * 5}, {"photos": 100}):
        path.write_text(json.dumps(TEMPLATE | change))
        with pytest.raises(DamagedFileError, match="no template"):
            read_template(path)
    path.write_bytes(b" " * 200_000)
    with pytest.raises(DamagedFileError, match="too large"):
        read_template(path)


def test_a_corrupt_card_is_rejected(tmp_path: Path) -> None:
    card = Card(
        name="custom",
        title="Custom CNN",
        sha256="0" * 64,
        image_size=128,
        tasks=["age"],
        source="sample",
        photos={"train": 3, "validation": 1, "test": 1},
        train_on="train",
        metrics={"n": 1, "age": {"mae": 5.0, "mae_low": 4.0, "mae_high": None}},
        failing={"age": []},
        parameters={"epochs": 3},
        template=None,
        license="MIT",
    )
    path = tmp_path / "custom.card.json"
    write_card(path, card)
    text = path.with_suffix(".md").read_text()
    assert read_card(path) == card and "| Age MAE | 5.00" in text and "No test photo has" in text
    assert "3 of the test photos have a copy" in markdown(card.model_copy(update={"leaks": 3}))
    never_fails_otherwise(read_card, path, list(corrupt(path.read_bytes(), 200)))
    changes: list[dict[str, Any]] = [
        {"metrics": {"n": 1}},
        {"metrics": {"age": {"mae": {"x": 1}}}},
        {"metrics": {"age": {"mae": 1}, "baseline": 5}},
        {"photos": {}},
        {"template": {"x": 1}},
        {"sha256": "\n" + "0" * 64},
    ]
    damaged = [json.dumps(card.model_dump() | each).encode() for each in changes]
    damaged += [b"[" * 100_000, b" " * (MAX_BYTES + 1), path.with_suffix(".md").read_bytes()]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(DamagedFileError):
            read_card(path)


def test_a_corrupt_model_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "custom.keras"
    save(small(), path)
    load(path)
    content = path.read_bytes()
    copies = list(corrupt(content, 40))
    # With checksums that are right, so that Keras and HDF5 see what is corrupt.
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    for name in ("config.json", "model.weights.h5"):
        copies += [zipped(members | {name: copy}) for copy in corrupt(members[name], 20)]
    never_fails_otherwise(load, path, copies)


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return file.getvalue()


def test_a_model_runs_no_code_and_stays_within_limits(tmp_path: Path) -> None:
    path, marker = tmp_path / "model.keras", tmp_path / "ran"
    image = keras.Input((8, 8, 3))
    age = keras.layers.Lambda(lambda x, name=str(marker): x + 0 * Path(name).write_text(""))(image)
    keras.Model(image, {"age": age}).save(path)
    marker.unlink(missing_ok=True)
    with pytest.raises(DamagedFileError, match="not a Keras model"):
        load(path)
    assert not marker.exists()
    save(small(), path)
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    config = members["config.json"].replace(b'"units": 8', b'"units": 100000000')
    assert config != members["config.json"]
    path.write_bytes(zipped(members | {"config.json": config}))
    with pytest.raises(DamagedFileError, match="not a Keras model"):
        load(path)
