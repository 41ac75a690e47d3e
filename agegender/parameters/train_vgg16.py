"""Parameters of the stage ``train_vgg16``."""

from typing import Annotated

from pydantic import Field

from agegender.parameters.embed_vgg16 import Unfreeze
from agegender.parameters.training import LearningRate, Training


class TrainVgg16(Training):
    """The head on VGG16, how much of VGG16 is trained with it, and its training."""

    unfreeze: Unfreeze
    base_learning_rate: LearningRate | None
    base_batch_normalization: bool
    shift_cells: Annotated[int, Field(ge=0, le=16)]
