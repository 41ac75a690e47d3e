import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from agegender.photos.labels import Labels
from agegender.preparation import duplicates
from agegender.preparation.duplicates import near_duplicates, perceptual_hash, refuse_copies

YOUNG, OLD = Labels(26, 1, 2), Labels(66, 1, 2)


def picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((128, 128), Image.Resampling.BICUBIC)


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def test_hashes_survive_resizing_and_brightness_but_not_another_picture() -> None:
    hashed = perceptual_hash(picture(1))
    assert 0 <= hashed < 2**64
    assert distance(hashed, perceptual_hash(picture(1).resize((90, 90)))) <= 4
    assert distance(hashed, perceptual_hash(ImageEnhance.Brightness(picture(1)).enhance(0.8))) <= 4
    assert distance(hashed, perceptual_hash(picture(2))) > 12


def test_groups_chain() -> None:
    far = 0xFFF << 50
    hashes = [0b1111, far, 0b0011, far, 0, far ^ 0b11 << 50]
    assert near_duplicates(hashes, 2).tolist() == [0, 1, 0, 1, 0, 1]
    assert near_duplicates(hashes, 1).tolist() == [0, 1, 2, 1, 3, 4]
    assert near_duplicates([], 4).tolist() == []
    assert near_duplicates([2**64 - 1], 4).tolist() == [0]


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


def test_later_copies_with_the_same_labels_are_duplicates() -> None:
    photos = [("a", b"1", YOUNG), ("b", b"2", YOUNG), ("c", b"1", YOUNG), ("d", b"1", YOUNG)]
    assert refuse_copies(photos) == ({"c": "duplicate of a", "d": "duplicate of a"}, {})


def test_copies_that_contradict_each_other_are_all_refused() -> None:
    photos = [("a", b"1", YOUNG), ("b", b"1", YOUNG), ("c", b"1", OLD)]
    same, contradicting = refuse_copies(photos)
    assert same == {}
    assert contradicting == {
        "a": "same photo as c, which has other labels",
        "b": "same photo as c, which has other labels",
        "c": "same photo as a, which has other labels",
    }
