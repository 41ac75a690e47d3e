"""Labels from UTKFace file names: ``AGE_GENDER_RACE_TIMESTAMP.EXT`` or ``….jpg.chip.jpg``.

Source: https://susanqq.github.io/UTKFace/
"""

from collections.abc import Iterable

from agegender.download.manifest import Entry
from agegender.photos.labels import GENDERS, MAX_AGE

RACES = ("White", "Black", "Asian", "Indian", "others")
_PATTERN = "AGE_GENDER_RACE_TIMESTAMP.EXTENSION"


def label_by_names(entries: Iterable[Entry]) -> list[Entry]:
    """``entries`` with the labels in their files' names, or the reason why there are none."""
    labeled = []
    for entry in entries:
        labels = {} if entry.reason else parse(entry.file)
        if isinstance(labels, str):
            labeled.append(entry._replace(reason=labels))
        else:
            labeled.append(entry._replace(labels=labels))
    return labeled


def parse(name: str) -> dict[str, str] | str:
    """The labels in a file's ``name`` (no folder), or the reason why there are none.

    What follows the race may be anything: UTKFace itself has ``20170116220224657 .jpg.chip.jpg``,
    ``20170116232725357jpg.chip.jpg`` and ``20170116235150272.pg.chip.jpg``.
    """
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
