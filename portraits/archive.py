"""A folder of drawn portraits, with UTKFace's names, ages and blemishes."""

from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np

from agegender.common.parallel import parallel_map
from agegender.common.progress import progress_bar
from portraits.people import Face, Setting
from portraits.portrait import draw_portrait

# Faces by age, 0 to 116, and the women among them by decade of age, in a random 5,000 of UTKFace
# (https://susanqq.github.io/UTKFace/), whose names carry the labels.
_FACES_BY_AGE = (
    0, 242, 99, 54, 68, 40, 34, 32, 59, 31,
    33, 19, 30, 11, 31, 37, 47, 33, 59, 18,
    56, 67, 90, 92, 186, 159, 517, 127, 169, 107,
    150, 82, 149, 22, 82, 180, 90, 62, 77, 57,
    116, 29, 49, 25, 21, 96, 46, 29, 23, 24,
    81, 19, 61, 47, 61, 47, 62, 23, 58, 21,
    61, 30, 36, 25, 14, 47, 22, 11, 17, 9,
    30, 4, 32, 11, 11, 32, 15, 7, 11, 5,
    26, 5, 8, 2, 3, 36, 8, 2, 5, 7,
    19, 0, 3, 3, 0, 0, 3, 0, 0, 1,
    2, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 1,
)  # fmt: skip
_WOMEN_BY_DECADE = (0.522, 0.557, 0.591, 0.487, 0.301, 0.288, 0.331, 0.411, 0.529, 0.594)
# Added to every age, so that one which is missing in these 5,000 is rare and not impossible.
_RARE = 0.3

_FIRST_TIMESTAMP = datetime(2016, 12, 17, 14, 27, 40)
_CHUNK = 8


def draw_samples(folder: Path, count: int, seed: int, processes: int | None = None) -> None:
    """Draw portraits into ``folder``, on all cores.

    There are ``count`` good portraits and, besides them, a few corrupt files such as UTKFace's own
    archive holds, 10 with 1,200: names without the race, byte-identical copies under a later
    timestamp, truncated JPEGs, and one that is no image.

    The bytes of a file depend on ``seed``, 0 or more, and on the file's number alone: not on
    ``count`` for the good ones, nor on the number of ``processes``, by default one per core. Files
    of the same names are overwritten.
    """
    corrupt = {
        "missing field": 1 + count // 600,
        "copy": 1 + count // 400,
        "truncated": 1 + count // 1200,
        "no image": 1,
    }
    # A file's number, which its timestamp is of, the number of its portrait, and what it lacks.
    files = [(number, number, "nothing") for number in range(count)]
    for blemish, number_of_files in corrupt.items():
        for index in range(number_of_files):
            number = len(files)
            # Spread over the portraits, not the first ones.
            original = (2 * index + 1) * count // (2 * number_of_files)
            files.append((number, original if blemish == "copy" else number, blemish))
    written = parallel_map(partial(_write, folder, seed), files, _CHUNK, processes)
    for _ in progress_bar(written, desc="drawing portraits", unit="files", total=len(files)):
        pass


def _write(folder: Path, seed: int, file: tuple[int, int, str]) -> None:
    number, portrait, blemish = file
    labels, setting_rng, face_rng, paint = (
        np.random.default_rng([seed, portrait, stream]) for stream in range(4)
    )
    age, gender = draw_labels(labels)
    setting = Setting(setting_rng)
    buffer = BytesIO()
    image = draw_portrait(Face(age, gender, face_rng), setting, paint)
    image.save(buffer, "JPEG", quality=setting.quality)
    content = buffer.getvalue()
    fields = [str(age), str(gender), str(setting.race), _timestamp(seed, number)]
    if blemish == "missing field":
        del fields[2]
    elif blemish == "truncated":
        content = content[: len(content) // 2]
    elif blemish == "no image":
        content = b"<html><body>404 Not Found</body></html>\n"
    (folder / f"{'_'.join(fields)}.jpg.chip.jpg").write_bytes(content)


def draw_labels(rng: np.random.Generator) -> tuple[int, int]:
    """An age in years and a gender (0 male, 1 female), as frequent as in UTKFace."""
    frequency = np.array(_FACES_BY_AGE) + _RARE
    age = int(rng.choice(len(frequency), p=frequency / frequency.sum()))
    share = _WOMEN_BY_DECADE[min(age // 10, len(_WOMEN_BY_DECADE) - 1)]
    return age, int(rng.random() < share)


def _timestamp(seed: int, number: int) -> str:
    """17 digits, down to the millisecond; each number's is later than that of the one before."""
    pause = np.random.default_rng([seed, number, 4]).integers(0, 61_000)
    moment = _FIRST_TIMESTAMP + timedelta(seconds=61 * number, milliseconds=int(pause))
    return moment.strftime("%Y%m%d%H%M%S") + f"{moment.microsecond // 1000:03d}"
