"""Train the head, and the unfrozen blocks, on what the frozen layers made of each photo."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from agegender.common.console import say
from agegender.common.errors import UserError
from agegender.common.files import verify_files
from agegender.networks import precision, runtime
from agegender.networks.batches import embeddings
from agegender.networks.network import Network, with_weights
from agegender.networks.progress import Progress
from agegender.training import distribution
from agegender.training.saving import save
from agegender.training.training import train_members
from agegender.vgg16 import network as vgg16
from agegender.vgg16.frozen import backbone as vgg16_base
from agegender.vgg16.normalized import calibrate
from agegender.vgg16.parameters import TrainVgg16
from stages.common.stage import parameters, run, when_interrupted
from stages.training import curves, unfinished

EMBEDDINGS = Path("data/embeddings")
WEIGHTS = Path("data/vgg16/vgg16.npz")
MODEL = Path("models/vgg16.keras")
CURVES = Path("plots/training/vgg16")
REMEDY = "make the embeddings anew with `dvc repro -sf embed_vgg16`"
# Photos whose features tell batch normalisation what to start from: no more than a few batches, so
# that block1's large maps have room, too.
CALIBRATED_ON = 64


def main() -> None:
    declared = parameters("train_vgg16")
    options = declared.section("train_vgg16", TrainVgg16)
    seed, tasks, image_size = (
        options.seed_or(declared["seed"]),
        declared["tasks"],
        declared["image_size"],
    )
    runtime.configure(options.intra_op_threads, seed)
    precision.tell(options.precision, say)
    folder = unfinished.folder("train_vgg16", declared)
    machines = distribution.join(options.strategy, f"train_vgg16 {folder.name}", say)

    verify_files(EMBEDDINGS / "index.json")
    _check_embeddings({"train_on": declared["train_on"], "unfreeze": options.unfreeze})
    split = {
        name: (np.load(EMBEDDINGS / f"{name}.npy", "r"), np.load(EMBEDDINGS / f"{name}.labels.npy"))
        for name in ("train", "validation")
    }
    imagenet = vgg16_base.load_weights(WEIGHTS)
    first_age = float(np.median(split["train"][1][:, 1]))

    def build(to_save: bool) -> Network:
        base = vgg16.layers(options, image_size, imagenet, to_save)
        if options.backbone_batch_normalization and base.trainable and not to_save:
            # The same photos for each member: chance has no part in where it starts.
            some, _ = next(iter(embeddings(*split["train"], CALIBRATED_ON, tasks, (seed, 0))))
            calibrate(base, imagenet, some)
        return vgg16.build(options, base, image_size, tasks, first_age, to_save)

    size, shift = options.batch_size, options.feature_shift
    progress = Progress(folder)
    when_interrupted(partial(progress.described, options.ensemble_size))
    with curves.start(CURVES) as live:
        weights, histories = train_members(
            lambda: build(to_save=False),
            lambda seed, epoch: embeddings(*split["train"], size, tasks, (seed, epoch), shift),
            embeddings(*split["validation"], size, tasks),
            tasks,
            options,
            seed,
            progress,
            on_epoch=curves.recorder(live),
            say=say,
            backbone_learning_rate=options.backbone_learning_rate,
            distribution=machines,
        )
    save(with_weights(weights, build(to_save=True)), MODEL)
    # Until all have the model, all can go on.
    machines.wait()
    progress.finish()
    curves.record_times("train_vgg16", MODEL, histories)


def _check_embeddings(wanted: Mapping[str, str]) -> None:
    """Where DVC runs this stage alone, the embeddings may be of other parameters.

    Raises:
        UserError: they are.
    """
    index = EMBEDDINGS / "index.json"
    found = json.loads(index.read_text(encoding="utf-8"))
    for name, value in wanted.items():
        if found.get(name) != value:
            raise UserError(f"{index} is of {name}: {found.get(name)}, not {value}; {REMEDY}")


if __name__ == "__main__":
    run(main)
