"""How much is measured: enough for numbers that hold, or just enough to see that it runs."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scale:
    """Sizes of what is measured; photos unless it says otherwise.

    Attributes:
        repetitions: of each pair, after a warm-up.
        parameters: of the pipeline, other than params.yaml's.
        embedded: through the frozen layers, a repetition.
        embedded_in_half: of each split, in bfloat16, for a head's metrics.
        trained: in the comparison with training through the frozen base, for training.
        validated: likewise, for validation.
        epochs: likewise, passes.
        epochs_slowly: likewise, passes that are measured of the usual way.
        trainings: how often that comparison is repeated, each time with another seed.
        seeds: of a head, where its deviation is asked for.
        fed: in an epoch of the custom CNN.
        fed_slowly: likewise, from the inputs that others use.
        stepped: training steps for the arithmetic.
        variants: whether other threads, compilers and precisions are tried with it.
        decoded: JPEGs decoded or preprocessed.
        experiments: how often an experiment is timed.
        started: stages without a network whose start-up is timed.
        memory: the two sizes of the data set between which memory is compared.
        memory_stages: those without a network for which that is done.
        memory_networks: whether it is done for the stages with a network too.
        files: numbers of raw images that DVC is given.
    """

    repetitions: int
    parameters: dict[str, Any]
    embedded: int
    embedded_in_half: int
    trained: int
    validated: int
    epochs: int
    epochs_slowly: int
    trainings: int
    seeds: int
    fed: int
    fed_slowly: int
    stepped: int
    variants: bool
    decoded: int
    experiments: int
    started: tuple[str, ...]
    memory: tuple[int, int]
    memory_stages: tuple[str, ...]
    memory_networks: bool
    files: tuple[int, ...]


FULL = Scale(
    repetitions=3,
    # The defaults, also where params.yaml has come to follow a recipe.
    parameters={
        "train_on": "train",
        "embed_vgg16": {"precision": "float32", "views": 1},
        "train_vgg16": {"unfreeze": "none"},
    },
    embedded=128,
    embedded_in_half=1500,
    trained=256,
    validated=64,
    epochs=10,
    epochs_slowly=2,
    trainings=2,
    seeds=4,
    fed=1024,
    fed_slowly=384,
    stepped=8,
    variants=True,
    decoded=5000,
    experiments=1,
    started=("download", "download_vgg16", "split", "preprocess", "report"),
    memory=(5_000, 50_000),
    memory_stages=("download", "split", "preprocess"),
    memory_networks=True,
    files=(5_000, 25_000),
)

QUICK = Scale(
    repetitions=1,
    parameters={
        "image_size": 32,
        "download": {"sample_images": 60},
        "train_custom": {"epochs": 1, "filters": [4, 8], "dense_units": [8]},
        "train_vgg16": {"epochs": 2, "dense_units": [8]},
        "evaluate": {"bootstrap_samples": 100},
    },
    embedded=8,
    embedded_in_half=8,
    trained=8,
    validated=4,
    epochs=2,
    epochs_slowly=1,
    trainings=1,
    seeds=1,
    fed=8,
    fed_slowly=8,
    stepped=1,
    variants=False,
    decoded=40,
    experiments=0,
    started=("split",),
    memory=(20, 40),
    memory_stages=("download",),
    memory_networks=False,
    files=(20,),
)
