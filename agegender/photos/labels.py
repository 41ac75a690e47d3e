"""What is known of a photo: age, gender and race group, with the codes of UTKFace."""

from typing import NamedTuple

MAX_AGE = 116
GENDERS = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "others")


class Labels(NamedTuple):
    """Age in whole years, gender 0 male or 1 female, race 0 to 4."""

    age: int
    gender: int
    race: int
