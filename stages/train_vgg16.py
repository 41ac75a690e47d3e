"""Train the head, and the unfrozen blocks, on what the frozen layers made of each photo."""

from pathlib import Path

import numpy as np

from agegender.console import say
from agegender.dataset import digests
from agegender.networks import runtime, vgg16
from agegender.networks.batches import embeddings
from agegender.networks.progress import Progress
from agegender.networks.saving import save
from agegender.networks.training import train
from agegender.parameters.train_vgg16 import TrainVgg16
from stages import curves, unfinished
from stages.common import parameters, record_time, run, when_interrupted

EMBEDDINGS = Path("data/embeddings")
WEIGHTS = Path("data/vgg16/vgg16.npz")
MODEL = Path("models/vgg16.keras")
CURVES = Path("plots/training/vgg16")


def main() -> None:
    declared = parameters("train_vgg16")
    options = declared.section("train_vgg16", TrainVgg16)
    seed, tasks, image_size = declared["seed"], declared["tasks"], declared["image_size"]
    runtime.configure(options.threads, seed)

    split = {
        name: (np.load(EMBEDDINGS / f"{name}.npy", "r"), np.load(EMBEDDINGS / f"{name}.labels.npy"))
        for name in ("train", "validation")
    }
    base = vgg16.base(image_size, options.unfreeze, vgg16.load_weights(WEIGHTS))
    network = vgg16.build(
        base,
        image_size,
        tasks,
        options.dense_units,
        options.dropout,
        first_age=float(np.median(split["train"][1][:, 1])),
    )
    progress = Progress(unfinished.folder("train_vgg16", declared))
    when_interrupted(progress.described)
    with curves.start(CURVES) as live:
        history = train(
            network.trained,
            lambda epoch: embeddings(*split["train"], options.batch_size, tasks, (seed, epoch)),
            embeddings(*split["validation"], options.batch_size, tasks),
            tasks,
            options.epochs,
            options.learning_rate,
            progress,
            on_epoch=curves.recorder(live),
            say=say,
        )
    save(network.saved, MODEL)
    progress.finish()
    record_time("train_vgg16", MODEL, epoch_seconds=history.seconds)


if __name__ == "__main__":
    remedy = "make the embeddings anew with `dvc repro -sf embed_vgg16`"
    run(main, lambda: digests.check(EMBEDDINGS / "index.json", remedy))
