"""Parameters of the stage ``train_custom``."""

from typing import Annotated, Literal

from pydantic import Field

from agegender.augmentation.parameters import Augmentation
from agegender.training.parameters import Training, Units


class TrainCustom(Training):
    """The custom CNN and its training."""

    filters: Annotated[list[Units], Field(min_length=1, max_length=5)]
    convs_per_block: Annotated[int, Field(ge=1, le=8)]
    pooling: Literal["flatten", "average"]
    augmentation: Augmentation
