"""Train the head, and the unfrozen blocks, on the embeddings of the frozen layers."""

import json
from functools import partial
from pathlib import Path

import keras
import numpy as np

from agegender.common.errors import UserError
from agegender.common.files import verify_files
from agegender.networks.datasets import EpochNumber, embeddings
from agegender.photos.records import read_labels, verify
from agegender.training.optimizer import optimizer
from agegender.vgg16.frozen.backbone import Backbone, load_weights
from agegender.vgg16.network import build, calibrate, pretrained_variables
from agegender.vgg16.parameters import TrainVgg16
from stages.common.stage import Parameters, parameters, run
from stages.training.run import TFRECORDS, prepare, train_and_save

EMBEDDINGS = Path("data/embeddings")
WEIGHTS = Path("data/vgg16/vgg16.npz")
# Photos by which the unfrozen blocks' batch normalization is set before training: no more than a
# few batches, so that block1's large maps fit into memory.
CALIBRATED_ON = 64
REMEDY = "run `dvc repro -sf embed_vgg16`"


def main() -> None:
    declared = parameters("train_vgg16")
    options = declared.section("train_vgg16", TrainVgg16)
    tasks, image_size, size = declared["tasks"], declared["image_size"], options.batch_size
    seed = prepare(declared, options)
    check_embeddings(declared, options)
    weights = load_weights(WEIGHTS)
    splits = {"train": declared["train_on"], "validation": "validation"}
    embedded = {
        name: (np.load(EMBEDDINGS / f"{name}.npy", "r"), read_labels(TFRECORDS, split))
        for name, split in splits.items()
    }

    def network(median_age: float) -> keras.Model:
        model = build(options, image_size, tasks, weights, median_age)
        if options.backbone_batch_normalization and options.unfreeze != "none":
            # The same photos for each network: chance has no part in where it starts.
            some = embeddings(*embedded["train"], CALIBRATED_ON, tasks, seed, EpochNumber())
            calibrate(model, weights, next(iter(some))[0].numpy())
        return model

    train_and_save(
        "vgg16",
        declared,
        options,
        build=network,
        batches=partial(
            embeddings, *embedded["train"], size, tasks, feature_shift=options.feature_shift
        ),
        validation=partial(embeddings, *embedded["validation"], size, tasks),
        embed=partial(Backbone, image_size, options.unfreeze, weights),
        make_optimizer=lambda model, steps: optimizer(
            options, steps, pretrained_variables(model), options.backbone_learning_rate
        ),
    )


def check_embeddings(declared: Parameters, options: TrainVgg16) -> None:
    """Where DVC runs this stage alone, the embeddings may be of other parameters; or damaged.

    Raises:
        UserError: they are.
    """
    index = EMBEDDINGS / "index.json"
    verify_files(index)
    found = json.loads(index.read_text(encoding="utf-8"))
    for name, value in {"train_on": declared["train_on"], "unfreeze": options.unfreeze}.items():
        if found.get(name) != value:
            raise UserError(f"{index} is of {name}: {found.get(name)}, not {value}; {REMEDY}")


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
