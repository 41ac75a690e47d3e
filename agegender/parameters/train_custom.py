"""Parameters of the stage ``train_custom``."""

from typing import Annotated

from pydantic import Field

from agegender.parameters.training import Training, Units


class TrainCustom(Training):
    """The custom CNN and its training."""

    filters: Annotated[list[Units], Field(min_length=1, max_length=5)]
