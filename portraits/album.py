"""A folder of drawn people as somebody's own collection may be: photos by person, and a table."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from agegender.common.parallel import parallel_map
from agegender.common.progress import progress_bar
from portraits.archive import draw_labels
from portraits.people import Face, Setting
from portraits.portrait import draw_portrait

_CHUNK = 4
# Photos of a person, in turn.
_PHOTOS = (1, 2, 3)
# What differs between photos of one person.
_OF_A_SHOT = (
    *("yaw", "pitch", "roll", "scale", "shift", "background", "background_kind"),
    *("light_from", "light_height", "light_strength", "exposure"),
)


def draw_album(folder: Path, people: int, seed: int) -> None:
    """Draw one to three photos of each of ``people`` into ``folder``, with ``labels.csv``.

    A photo is ``photos/PERSON/NUMBER.jpg``. The table has a row for each, with the columns image,
    age, sex, person and camera. Every fourth person's age is a range. What is drawn depends on
    ``seed``, 0 or more, alone; files of the same names are overwritten.
    """
    drawn = parallel_map(partial(_draw_person, folder, seed), range(people), _CHUNK)
    bar = progress_bar(drawn, desc="drawing", unit="people", total=people)
    table = pd.DataFrame([row for of_person in bar for row in of_person])
    table.to_csv(folder / "labels.csv", index=False, lineterminator="\n")


def _draw_person(folder: Path, seed: int, number: int) -> list[dict[str, str]]:
    """The rows of the table for the photos that are drawn of a person."""
    age, gender = draw_labels(np.random.default_rng([seed, number, 0]))
    start = age // 10 * 10
    shown = f"{start}-{start + 9}" if number % 4 == 3 else str(age)
    rows = []
    for photo in range(_PHOTOS[number % len(_PHOTOS)]):
        face = Face(age, gender, np.random.default_rng([seed, number, 2]))
        setting = Setting(np.random.default_rng([seed, number, 1]))
        shot = Setting(np.random.default_rng([seed, number, 3, photo]))
        for name in _OF_A_SHOT:
            setattr(setting, name, getattr(shot, name))
        paint = np.random.default_rng([seed, number, 4, photo])
        image = f"photos/{number:04d}/{photo}.jpg"
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        draw_portrait(face, setting, paint).save(folder / image, "JPEG", quality=setting.quality)
        sex, camera = ("man", "woman")[gender], ("front", "back")[photo % 2]
        rows.append(
            {"image": image, "age": shown, "sex": sex, "person": f"{number:04d}", "camera": camera}
        )
    return rows
