"""Parameters of how photos are changed at random, so that a network sees more than there are."""

from typing import Annotated

from pydantic import Field

from agegender.common.parameters import Section

Share = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Augmentation(Section):
    """How far each change may go; 0, or false, leaves it out."""

    flip: bool
    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Share
    zoom: Share
    brightness: Share
    contrast: Share
    color: Share
    blur: Probability
    sharpen: Probability
    downscale: Probability
    noise: Probability
    jpeg: Probability
    grayscale: Probability
    erasing: Probability
