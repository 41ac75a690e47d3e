"""Drawn portraits: the same bytes from a seed, UTKFace's make-up, spoilt files among them."""

import hashlib
from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
from PIL import Image

from agegender.dataset import names
from agegender.dataset.images import RefusedImageError, decode
from agegender.dataset.sample.archive import draw_samples
from agegender.dataset.sample.people import Setting, draw_face, draw_setting
from agegender.dataset.sample.portrait import draw_portrait


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def drawn(folder: Path, count: int, seed: int) -> dict[str, str]:
    folder.mkdir()
    draw_samples(folder, count, seed)
    return digests(folder)


def whole(photo: Path) -> bool:
    try:
        decode(photo.read_bytes(), 200)
    except RefusedImageError:
        return False
    return True


def test_the_same_seed_draws_the_same_bytes(tmp_path: Path) -> None:
    first = drawn(tmp_path / "first", 40, 7)
    assert first == drawn(tmp_path / "second", 40, 7)
    shared = set(first.values()) & set(drawn(tmp_path / "other", 40, 8).values())
    assert len(shared) <= 1, "only the spoilt file that is no image may be alike"


def test_spoilt_files_are_among_them(tmp_path: Path) -> None:
    found = drawn(tmp_path / "drawn", 40, 1)
    unnamed = [name for name in found if isinstance(names.parse(name), str)]
    copies = [count for count in Counter(found.values()).values() if count > 1]
    spoilt = [name for name in found if not whole(tmp_path / "drawn" / name)]
    assert unnamed and copies and spoilt
    assert len(found) - len(unnamed) - len(spoilt) >= 30
    sound = next(name for name in sorted(found) if name not in spoilt)
    with Image.open(tmp_path / "drawn" / sound) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (200, 200), "RGB")


def test_the_setting_tells_neither_age_nor_gender() -> None:
    """Nothing of a setting can depend on a face: it is drawn without knowing one."""
    settings = [draw_setting(np.random.default_rng(4)) for _ in range(2)]
    assert settings[0] == settings[1]
    cues = {field.name for field in fields(draw_face(30, 1, np.random.default_rng(0)))}
    assert not cues & {field.name for field in fields(Setting)}


def test_cues_of_gender_overlap_and_differ() -> None:
    random = np.random.default_rng(0)
    women = [draw_face(35, 1, random) for _ in range(300)]
    men = [draw_face(35, 0, random) for _ in range(300)]
    for cue in ("jaw", "brows", "lips", "lashes", "nose"):
        hers, his = ([getattr(face, cue) for face in faces] for faces in (women, men))
        assert np.mean(hers) > np.mean(his) + 0.3, cue
        assert min(hers) < max(his), cue
    long = {"long", "bob", "tied"}
    assert 0.8 < np.mean([face.hair in long for face in women]) < 1
    assert 0 < np.mean([face.hair in long for face in men]) < 0.2
    assert not any(face.beard != "none" for face in women)


def test_cues_of_age_grow_with_age() -> None:
    random = np.random.default_rng(0)
    faces = {age: [draw_face(age, 0, random) for _ in range(100)] for age in (1, 8, 30, 80)}

    def mean(cue: str, age: int) -> float:
        return float(np.mean([getattr(face, cue) for face in faces[age]]))

    for cue in ("skull_growth", "nose_growth", "chin_growth"):
        assert mean(cue, 1) < mean(cue, 8) < mean(cue, 30), cue
    for cue in ("forehead_lines", "folds", "bags", "grey"):
        assert mean(cue, 8) <= mean(cue, 30) < mean(cue, 80), cue


def test_a_cue_changes_the_picture() -> None:
    setting = draw_setting(np.random.default_rng(1))
    pictures = [
        np.asarray(
            draw_portrait(draw_face(age, gender, np.random.default_rng(2)), setting,
                          np.random.default_rng(3)),
            dtype=float,
        )
        for age, gender in ((30, 0), (30, 1), (80, 0))
    ]  # fmt: skip
    assert np.abs(pictures[0] - pictures[1]).mean() > 2
    assert np.abs(pictures[0] - pictures[2]).mean() > 2
