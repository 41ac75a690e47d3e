import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agegender.download.names import RACES, parse

STAMP = "20170116174525125"


@pytest.mark.parametrize(
    "name",
    [
        *(f"26_1_2_{STAMP}.jpg.chip.jpg", f"26_1_2_{STAMP}.PNG", f"026_1_2_{STAMP}.webp"),
        # UTKFace's own.
        *(f"26_1_2_{STAMP} .jpg.chip.jpg", f"26_1_2_{STAMP}jpg.chip.jpg"),
        *(f"26_1_2_{STAMP}.pg.chip.jpg", f"26_1_2_{STAMP}JPG"),
        # Copies that people make.
        *(f"26_1_2_{STAMP}.jpg.chip (1).jpg", f"26_1_2_{STAMP}_mirrored.jpg"),
    ],
)
def test_names_give_labels(name: str) -> None:
    assert parse(name) == {"age": "26", "gender": "female", "race": "Asian"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        (f"39_1_{STAMP}.jpg.chip.jpg", "3 of 4 fields"),
        (f"39_1__{STAMP}.jpg", "race in the name is not a number"),
        (f"117_1_2_{STAMP}.jpg", "age in the name is not within 0 to 116"),
        (f"-1_1_2_{STAMP}.jpg", "age in the name is not a number"),
        (f"{'9' * 10_000}_1_2_{STAMP}.jpg", "age in the name is not within"),
        (f"3²_1_2_{STAMP}.jpg", "age in the name is not a number"),
        (f"39_2_2_{STAMP}.jpg", "gender in the name is not within 0 to 1"),
        (f"39_1_5_{STAMP}.jpg", "race in the name is not within 0 to 4"),
        (f"53__0_{STAMP}.jpg", "gender in the name is not a number"),
        ("39_1_2_.jpg", "the timestamp is missing"),
        ("39_1_2.jpg", "3 of 4 fields"),
    ],
)
def test_other_names_are_rejected_with_the_field(name: str, part: str) -> None:
    reason = parse(name)
    assert isinstance(reason, str)
    assert part in reason


FIELD = st.one_of(st.integers(-5, 200).map(str), st.text(max_size=4), st.sampled_from(["²", "+1"]))


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.text(), st.lists(FIELD, max_size=6).map(lambda f: "_".join(f) + ".jpg")))
def test_any_name_is_parsed_or_rejected(name: str) -> None:
    found = parse(name)
    if isinstance(found, str):
        assert found and "\n" not in found
    else:
        age, gender, race = (int(field) for field in name.split("_")[:3])
        assert 0 <= age <= 116
        assert found == {
            "age": str(age),
            "gender": ("male", "female")[gender],
            "race": RACES[race],
        }
