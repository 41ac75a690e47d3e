"""How much is measured: enough for numbers that hold, or just enough to see that it runs."""

from dataclasses import dataclass
from typing import Any

# The custom CNN, where it only has to be there.
_TINY_CNN = {"epochs": 1, "filters": [4, 4, 4, 4], "dense_units": [8]}


@dataclass(frozen=True)
class Sizes:
    """Sizes of what is measured; photos unless it says otherwise.

    Attributes:
        parameters: of the pipeline in the clone, other than params.yaml's.
        repetitions: of each pair, after a warm-up.
        head: in an epoch of VGG16's head.
        usual: of these, those that go through the frozen base for comparison.
        fed: in an epoch of the custom CNN.
        memory: the two data sets between which memory is compared. The training split of the
            smaller one (70 %) fills the buffer for shuffling, so that more photos need no more.
        predicted: the two folders between which the memory of predictions is compared; the
            speed is measured on the smaller.
    """

    parameters: dict[str, Any]
    repetitions: int
    head: int
    usual: int
    fed: int
    memory: tuple[int, int]
    predicted: tuple[int, int]


FULL = Sizes(
    parameters={"download": {"sample_images": 5000}, "train_custom": _TINY_CNN},
    repetitions=3,
    head=1024,
    usual=256,
    fed=1024,
    memory=(3_000, 24_000),
    predicted=(100, 1_000),
)
QUICK = Sizes(
    parameters={
        "image_size": 32,
        "download": {"sample_images": 60},
        "train_custom": _TINY_CNN,
        "train_vgg16": {"epochs": 1, "dense_units": [8]},
        "evaluate": {"bootstrap_samples": 100},
    },
    repetitions=1,
    head=32,
    usual=16,
    fed=32,
    memory=(60, 120),
    predicted=(4, 8),
)
