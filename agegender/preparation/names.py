"""Labels from UTKFace file names: ``AGE_GENDER_RACE_TIMESTAMP.EXT`` or ``….jpg.chip.jpg``.

Source: https://susanqq.github.io/UTKFace/
"""

import re

from agegender.photos.labels import GENDERS, MAX_AGE, RACES, Labels

_PATTERN = "AGE_GENDER_RACE_TIMESTAMP.EXTENSION"
_EXTENSION = re.compile(r"(\.[A-Za-z0-9]+)+")


def parse(name: str) -> Labels | str:
    """The labels in a file's ``name`` (no folder), or the reason why there are none."""
    stem, dot, rest = name.partition(".")
    if not _EXTENSION.fullmatch(dot + rest):
        return f"the name is not {_PATTERN}: the extension is missing or odd"
    fields = stem.split("_")
    if len(fields) != 4:
        return f"the name is not {_PATTERN}: {len(fields)} of 4 fields"
    for title, field in zip(("age", "gender", "race", "timestamp"), fields, strict=True):
        if not (field.isascii() and field.isdigit()):
            return f"the {title} in the name is not a number"
    for title, field, highest in zip(
        ("age", "gender", "race"), fields, (MAX_AGE, len(GENDERS) - 1, len(RACES) - 1), strict=False
    ):
        # Compared by length first: int() refuses thousands of digits.
        digits = field.lstrip("0") or "0"
        if len(digits) > 3 or int(digits) > highest:
            return f"the {title} in the name is not within 0 to {highest}"
    age, gender, race = map(int, fields[:3])
    return Labels(age, gender, race)
