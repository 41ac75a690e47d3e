import numpy as np
import pandas as pd
import pytest

from agegender.preparation import duplicates
from agegender.preparation.duplicates import find_copies, label_differences, near_duplicates


def drawn(count: int, seed: int) -> np.ndarray:
    """Thumbnails of soft noise, none like another, shape (count, 32, 32)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


@pytest.mark.parametrize("rows", [1, 7, 256])
def test_groups_are_those_of_a_plain_search(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    originals = drawn(20, 2)
    # Chains: each copy is made of an earlier photo or copy.
    pictures = list(originals)
    for number in rng.integers(0, 20, 30):
        copy = pictures[number] + rng.normal(0, 12, (32, 32))
        pictures.append(np.clip(copy * 0.8, 0, 255)[:, :: rng.choice([1, -1])])
    thumbnails = np.array(pictures).astype(np.uint8)[rng.permutation(50)]
    flat = thumbnails.reshape(50, -1)
    mirrored = thumbnails[:, :, ::-1].reshape(50, -1)
    same = np.corrcoef(flat) >= 0.955
    mirror = np.corrcoef(flat, mirrored)[:50, 50:] >= 0.955
    plain = list(range(50))
    for i, j in zip(*np.nonzero(same | mirror), strict=True):
        plain = [plain[j] if group == plain[i] else group for group in plain]
    order = list(dict.fromkeys(plain))

    monkeypatch.setattr(duplicates, "_BLOCK", rows)
    groups, pairs = near_duplicates(thumbnails, 0.955)
    assert groups.tolist() == [order.index(group) for group in plain]
    assert pairs == {
        "same": np.triu(same, 1).sum(),
        "mirrored": np.triu(mirror & ~same, 1).sum(),
        "cropped": 0,
    }
    assert len(order) == 20 and pairs["same"] and pairs["mirrored"]


def test_pictures_that_show_nothing_are_not_joined() -> None:
    shade = np.linspace(0, 1, 32)[:, None] * np.ones(32)
    empty = [(level + 6 * shade).astype(np.uint8) for level in range(0, 250, 5)]
    assert len(set(near_duplicates(np.array(empty), 0.955)[0])) == 50
    assert near_duplicates(np.array(empty[:0]).reshape(0, 32, 32), 0.955)[0].size == 0


def test_copies_are_duplicates_and_all_rejected_where_their_labels_differ() -> None:
    photos = [("a", "1", 26.0), ("b", "2", 26), ("c", "1", 26), ("d", "3", 26), ("e", "3", 66)]
    photos += [("f", "3", 26), ("g", "1", 26)]
    # Unknown ages.
    photos += [("h", "4", np.nan), ("i", "4", 30), ("j", "4", 30)]
    photos += [("k", "5", np.nan), ("l", "5", np.nan)]
    table = pd.DataFrame(photos, columns=["file", "sha256", "age"]).assign(gender=1, race=2)
    assert find_copies(table).to_numpy().tolist() == [
        ["c", "duplicate", "duplicate of a"],
        ["g", "duplicate", "duplicate of a"],
        ["d", "contradiction", "same photo as e, which has other labels"],
        ["e", "contradiction", "same photo as d, which has other labels"],
        ["f", "contradiction", "same photo as e, which has other labels"],
        ["h", "contradiction", "same photo as i, which has other labels"],
        ["i", "contradiction", "same photo as h, which has other labels"],
        ["j", "contradiction", "same photo as h, which has other labels"],
        ["l", "duplicate", "duplicate of k"],
    ]


def test_differences_of_labels_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(1)
    photos = pd.DataFrame(
        {
            "age": rng.choice([20.0, 26, 27, 50, np.nan], 60),
            "gender": rng.choice([0, 1, np.nan], 60),
            "group": rng.integers(0, 20, 60),
        }
    )
    photos["sha256"] = photos["group"] * 10 + rng.integers(0, 2, 60)

    def plain(by: str) -> dict[str, float]:
        pairs = photos.reset_index().merge(photos.reset_index(), on=by)
        pairs = pairs[pairs["index_x"] < pairs["index_y"]]
        ages, genders = (pairs[f"{name}_x"] - pairs[f"{name}_y"] for name in ("age", "gender"))
        differences = {"age_mae": ages.abs().mean(), "gender_differs": genders.abs().mean()}
        return {"pairs": len(pairs), **differences}

    found = label_differences(photos)
    identical = found.pop("identical")
    assert found == pytest.approx(plain("group"), abs=1e-4)
    assert identical == pytest.approx(plain("sha256"), abs=1e-4)
    assert label_differences(photos[:1])["age_mae"] is None
