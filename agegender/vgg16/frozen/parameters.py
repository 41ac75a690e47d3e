"""Parameters of the stage ``embed_vgg16``."""

from typing import Annotated, Literal

from pydantic import Field

from agegender.augmentation.parameters import Augmentation
from agegender.common.parameters import Section

# The first trainable block; what lies below it is frozen and computed once.
Unfreeze = Literal["none", "block5", "block4", "block3", "block2", "block1"]


class EmbedVgg16(Section):
    """How the frozen layers are run, and on which views of a photo."""

    precision: Literal["float32", "bfloat16"]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    views: Annotated[int, Field(ge=1, le=1000)]
    augmentation: Augmentation
