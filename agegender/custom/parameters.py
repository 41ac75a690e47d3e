"""Parameters of the stage ``train_custom``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agegender.augmentation.parameters import Augmentation
from agegender.training.parameters import Training, Units

Count = Annotated[int, Field(ge=1, le=8)]


class TrainCustom(Training):
    """The custom CNN and its training."""

    filters: Annotated[list[Units], Field(min_length=1, max_length=6)]
    convs_per_block: Count | list[Count]
    pooling: Literal["flatten", "average"]
    augmentation: Augmentation

    @property
    def convolutions(self) -> list[int]:
        """In a row, of each block."""
        counts = self.convs_per_block
        return counts if isinstance(counts, list) else [counts] * len(self.filters)

    @model_validator(mode="after")
    def _a_count_for_each_block(self) -> Self:
        if len(self.convolutions) != len(self.filters):
            raise ValueError("convs_per_block should be one number, or as many as filters has")
        return self
