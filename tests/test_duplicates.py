import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from agegender.preparation import duplicates
from agegender.preparation.duplicates import find_copies, near_duplicates, perceptual_hash


def picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((128, 128), Image.Resampling.BICUBIC)


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def test_hashes_survive_resizing_and_brightness_but_not_another_picture() -> None:
    hashed = perceptual_hash(picture(1))
    assert distance(hashed, perceptual_hash(picture(1).resize((90, 90)))) <= 4
    assert distance(hashed, perceptual_hash(ImageEnhance.Brightness(picture(1)).enhance(0.8))) <= 4
    assert distance(hashed, perceptual_hash(picture(2))) > 12


@given(
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 255), max_size=40),
    st.integers(0, 20),
    st.integers(1, 200),
)
def test_groups_are_those_of_a_plain_search(hashes: list[int], bits: int, comparisons: int) -> None:
    plain = list(range(len(hashes)))
    for i, one in enumerate(hashes):
        for j, other in enumerate(hashes[:i]):
            if distance(one, other) <= bits:
                plain = [plain[j] if group == plain[i] else group for group in plain]
    order = list(dict.fromkeys(plain))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_COMPARISONS", comparisons)
        assert near_duplicates(hashes, bits).tolist() == [order.index(group) for group in plain]


def test_a_thousand_linked_hashes_are_one_group() -> None:
    assert not near_duplicates(list(range(1024)), 10).any()


def test_copies_are_duplicates_and_all_rejected_where_their_labels_differ() -> None:
    photos = [("a", "1", 26), ("b", "2", 26), ("c", "1", 26), ("d", "3", 26), ("e", "3", 66)]
    photos += [("f", "3", 26), ("g", "1", 26)]
    table = pd.DataFrame(photos, columns=["file", "sha256", "age"]).assign(gender=1, race=2)
    assert find_copies(table).to_numpy().tolist() == [
        ["c", "duplicate", "duplicate of a"],
        ["g", "duplicate", "duplicate of a"],
        ["d", "contradiction", "same photo as e, which has other labels"],
        ["e", "contradiction", "same photo as d, which has other labels"],
        ["f", "contradiction", "same photo as e, which has other labels"],
    ]
