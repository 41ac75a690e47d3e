"""Parameters of the stage ``train_vgg16``."""

from typing import Annotated

from pydantic import Field

from agegender.training.parameters import LearningRate, Training
from agegender.vgg16.frozen.parameters import Unfreeze


class TrainVgg16(Training):
    """The head on VGG16, how much of VGG16 is trained with it, and its training."""

    unfreeze: Unfreeze
    backbone_learning_rate: LearningRate | None
    backbone_batch_normalization: bool
    feature_shift: Annotated[int, Field(ge=0, le=16)]
