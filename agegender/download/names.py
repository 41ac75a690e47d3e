"""Labels from file names: UTKFace's, and AgeDB's.

UTKFace (https://susanqq.github.io/UTKFace/) has ``AGE_GENDER_RACE_TIMESTAMP.EXT`` or
``….jpg.chip.jpg``, AgeDB (Moschoglou et al., CVPR Workshops 2017) ``NUMBER_PERSON_AGE_GENDER.EXT``,
such as ``0_MariaCallas_35_f.jpg``.
"""

import re

from agegender.photos.labels import GENDERS, MAX_AGE

RACES = ("White", "Black", "Asian", "Indian", "others")
_AGEDB = re.compile(r"\d+_(?P<person>\D[^_]*)_(?P<age>\d{1,3})_(?P<gender>[mf])\.\w+")
_PATTERN = "AGE_GENDER_RACE_TIMESTAMP.EXTENSION"


def parse(name: str) -> dict[str, str] | str:
    """The labels in a file's ``name`` (no folder), or the reason why there are none.

    What follows the race may be anything: UTKFace itself has ``20170116220224657 .jpg.chip.jpg``,
    ``20170116232725357jpg.chip.jpg`` and ``20170116235150272.pg.chip.jpg``.
    """
    if labels := parse_agedb(name):
        return labels
    fields = name.split("_", 3)
    if len(fields) < 4:
        return f"the name is not {_PATTERN}: {len(fields)} of 4 fields"
    if not fields.pop().partition(".")[0].strip():
        return f"the name is not {_PATTERN}: the timestamp is missing"
    for title, field, highest in zip(
        ("age", "gender", "race"), fields, (MAX_AGE, len(GENDERS) - 1, len(RACES) - 1), strict=True
    ):
        if not (field.isascii() and field.isdigit()):
            return f"the {title} in the name is not a number"
        # Compared by length first: int() refuses thousands of digits.
        digits = field.lstrip("0") or "0"
        if len(digits) > 3 or int(digits) > highest:
            return f"the {title} in the name is not within 0 to {highest}"
    age, gender, race = map(int, fields)
    return {"age": str(age), "gender": GENDERS[gender], "race": RACES[race]}


def parse_agedb(name: str) -> dict[str, str]:
    """The labels in a file's ``name`` if it is one of AgeDB's, else none."""
    match = _AGEDB.fullmatch(name)
    if match is None or int(match["age"]) > MAX_AGE:
        return {}
    gender = dict(zip("mf", GENDERS, strict=True))[match["gender"]]
    return {"age": str(int(match["age"])), "gender": gender, "person": match["person"]}
