"""Drawn portraits: the same bytes from a seed, UTKFace's make-up, corrupt files among them."""

import ast
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from agegender.download import names
from agegender.preparation.images import RejectedImageError, decode
from portraits import exact
from portraits.archive import draw_samples
from portraits.people import Face, Setting
from portraits.portrait import draw_portrait


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def drawn(folder: Path, count: int, seed: int) -> dict[str, str]:
    folder.mkdir()
    draw_samples(folder, count, seed)
    return digests(folder)


def test_a_seed_draws_the_same_bytes_corrupt_files_among_them(tmp_path: Path) -> None:
    first = drawn(tmp_path / "first", 12, 7)
    assert first == drawn(tmp_path / "second", 12, 7)
    shared = set(first.values()) & set(drawn(tmp_path / "other", 4, 8).values())
    assert len(shared) <= 1, "only the file that is no image may be the same"

    unnamed = [name for name in first if isinstance(names.parse(name), str)]
    copies = [count for count in Counter(first.values()).values() if count > 1]
    corrupt = []
    for name in first:
        try:
            image = decode((tmp_path / "first" / name).read_bytes(), 200)
        except RejectedImageError:
            corrupt.append(name)
        else:
            assert (image.size, image.mode) == ((200, 200), "RGB")
    assert unnamed and copies and len(corrupt) == 2
    assert len(first) == 12 + len(unnamed) + len(corrupt) + len(copies)


def test_cues_of_gender_overlap_and_differ() -> None:
    random = np.random.default_rng(0)
    women = [Face(35, 1, random) for _ in range(300)]
    men = [Face(35, 0, random) for _ in range(300)]
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
    faces = {age: [Face(age, 0, random) for _ in range(100)] for age in (1, 8, 30, 80)}

    def mean(cue: str, age: int) -> float:
        return float(np.mean([getattr(face, cue) for face in faces[age]]))

    for cue in ("skull_growth", "nose_growth", "chin_growth"):
        assert mean(cue, 1) < mean(cue, 8) < mean(cue, 30), cue
    for cue in ("forehead_lines", "folds", "bags", "grey"):
        assert mean(cue, 8) <= mean(cue, 30) < mean(cue, 80), cue


def test_a_cue_changes_the_picture() -> None:
    setting = Setting(np.random.default_rng(1))
    pictures = [
        np.asarray(
            draw_portrait(Face(age, gender, np.random.default_rng(2)), setting,
                          np.random.default_rng(3)),
            dtype=float,
        )
        for age, gender in ((30, 0), (30, 1), (80, 0))
    ]  # fmt: skip
    assert np.abs(pictures[0] - pictures[1]).mean() > 2
    assert np.abs(pictures[0] - pictures[2]).mean() > 2


DRAWING = Path(exact.__file__).parent
# What NumPy and BLAS round by the instructions that a processor has.
ROUNDED = {
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power", "cbrt"),
    *("hypot", "dot", "vdot", "inner", "matmul", "einsum", "tensordot", "linalg"),
}


def rounded_by_the_processor(source: str) -> list[str]:
    """Of a module: NumPy's functions of that kind, products of matrices, powers but squares."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ROUNDED:
            of_python = isinstance(node.value, ast.Name) and node.value.id == "math"
            found += [] if of_python else [ast.unparse(node)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            square = isinstance(node.right, ast.Constant) and node.right.value == 2
            of_minus_one = ast.unparse(node.left) == "-1"
            found += [] if square or of_minus_one else [ast.unparse(node)]
    return found


def test_drawing_rounds_alike_on_every_processor() -> None:
    modules = sorted(DRAWING.glob("*.py"))
    assert len(modules) > 5
    assert {module.name: rounded_by_the_processor(module.read_text()) for module in modules} == {
        module.name: [] for module in modules
    }
    code = "np.sin(x) + x**3 + a @ b + np.linalg.norm(x) + x**2 + x.dot(y)"
    assert len(rounded_by_the_processor(code)) == 5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_exact_functions_are_those_of_their_names(dtype: type[np.floating]) -> None:
    x = np.concatenate([np.linspace(-40, 40, 4001), [-1000.0, 1e-9]]).astype(dtype)
    last_bit = float(np.finfo(dtype).eps)

    def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
        np.testing.assert_allclose(found, expected, rtol=40 * last_bit, atol=2 * last_bit)

    assert_close(exact.exponential(x), np.exp(x))
    for exponent in (0.7, 1.0, 2.5):
        raised = exact.power(abs(x), dtype(exponent))
        assert raised.dtype == dtype
        assert_close(raised, abs(x) ** dtype(exponent))
    assert exact.power(0.0, 0.7) == 0
    # Of larger angles float32 knows too few digits to compare.
    few = x[abs(x) < 40].astype(np.float64)
    np.testing.assert_allclose(exact.sine(few), np.sin(few), rtol=0, atol=1e-15)
    np.testing.assert_allclose(exact.cosine(few), np.cos(few), rtol=0, atol=1e-15)
    assert_close(exact.length(x, 3), np.hypot(x, 3))
    np.testing.assert_allclose(exact.unit(np.array([3.0, 0, 4])), [0.6, 0, 0.8], rtol=1e-15)
