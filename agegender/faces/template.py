"""Where eyes, nose and mouth lie in the photos that a model learned from: how to crop for it."""

from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from agegender.common.errors import DamagedFileError
from agegender.common.files import atomic_write, read_limited

FILE = "template.json"
# Of the training photos, with exactly one face, for their mean to say how photos are cropped.
MIN_SHARE = 0.5
MIN_PHOTOS = 10
# From the leftmost to the rightmost landmark, and from the topmost to the lowest.
MIN_SIZE = 0.05
# Templates have less than a kilobyte.
MAX_BYTES = 100_000

# Mouths may lie a little below a photo.
Share = Annotated[float, Field(ge=-1, le=2, allow_inf_nan=False)]
Points = Annotated[list[tuple[Share, Share]], Field(min_length=5, max_length=5)]


class Template(BaseModel):
    """The landmarks of training photos, as shares of a photo's side from its upper left corner.

    Attributes:
        landmarks: the mean of each of `detection.LANDMARKS`: x and y.
        spread: their standard deviations.
        photos: how many photos were looked at.
        one_face: the share of them in which exactly one face was found; the others don't count.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    landmarks: Points
    spread: Points
    photos: Annotated[int, Field(ge=1)]
    one_face: Annotated[float, Field(ge=0, le=1)]

    @property
    def usable(self) -> bool:
        """Whether enough faces were found to crop other photos like these."""
        return self.one_face >= MIN_SHARE and round(self.photos * self.one_face) >= MIN_PHOTOS

    def points(self, size: float) -> NDArray[np.float64]:
        """The landmarks in a square of ``size`` pixels a side, shape (5, 2)."""
        return np.array(self.landmarks) * size

    @classmethod
    def measure(cls, faces: list[NDArray[np.float64]], photos: int) -> Self:
        """The template of the faces found in photos.

        Args:
            faces: of each photo with exactly one face, its landmarks as shares of the photo's
                side, shape (5, 2).
            photos: how many photos were looked at in all.
        """
        stacked = np.stack(faces) if faces else np.full((1, 5, 2), 0.5)
        return cls(
            landmarks=[(round(x, 5), round(y, 5)) for x, y in stacked.mean(0).tolist()],
            spread=[(round(x, 5), round(y, 5)) for x, y in stacked.std(0).tolist()],
            photos=photos,
            one_face=round(len(faces) / photos, 5),
        )


def write_template(path: Path, template: Template) -> None:
    """Write ``template`` to the JSON file ``path``."""
    with atomic_write(path) as temporary:
        temporary.write_text(template.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_template(path: Path) -> Template:
    """What `write_template` wrote to ``path``.

    Raises:
        DamagedFileError: it is missing, or something else.
    """
    try:
        template = Template.model_validate_json(read_limited(path, MAX_BYTES))
        if template.usable and np.ptp(template.landmarks, axis=0).min() < MIN_SIZE:
            raise ValueError("landmarks at one place")
        return template
    except ValueError:
        raise DamagedFileError(path, "is damaged: it is no template of a face") from None
