"""Parameters of the stage ``train_vgg16``."""

from agegender.parameters.embed_vgg16 import Unfreeze
from agegender.parameters.training import Training


class TrainVgg16(Training):
    """The head on VGG16, how much of VGG16 is trained with it, and its training."""

    unfreeze: Unfreeze
