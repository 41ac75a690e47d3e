"""Train the custom CNN from scratch."""

from functools import partial
from pathlib import Path

from agegender.augmentation.augmentation import of_epoch
from agegender.common.console import say
from agegender.custom import network as custom
from agegender.custom.parameters import TrainCustom
from agegender.networks import precision, runtime
from agegender.networks.batches import photos
from agegender.networks.network import Network, with_weights
from agegender.networks.progress import Progress
from agegender.photos.records import read_labels, verify
from agegender.training import distribution
from agegender.training.saving import save
from agegender.training.training import train_members
from stages.common.stage import parameters, run, when_interrupted
from stages.training import curves, unfinished

TFRECORDS = Path("data/tfrecords")
MODEL = Path("models/custom.keras")
CURVES = Path("plots/training/custom")


def main() -> None:
    declared = parameters("train_custom")
    options = declared.section("train_custom", TrainCustom)
    seed, tasks = options.seed_or(declared["seed"]), declared["tasks"]
    runtime.configure(options.intra_op_threads, seed)
    precision.tell(options.precision, say)
    folder = unfinished.folder("train_custom", declared)
    machines = distribution.join(options.strategy, f"train_custom {folder.name}", say)

    median_age = float(read_labels(TFRECORDS, declared["train_on"])["age"].median())

    def build(to_save: bool) -> Network:
        size = declared["image_size"]
        return custom.build(options, size, tasks, median_age, to_save)

    progress = Progress(folder)
    when_interrupted(partial(progress.described, options.ensemble_size))
    with curves.start(CURVES) as live:
        weights, histories = train_members(
            lambda: build(to_save=False),
            lambda seed, epoch: photos(
                TFRECORDS,
                declared["train_on"],
                options.batch_size,
                tasks,
                order=(seed, epoch),
                change=of_epoch(options.augmentation, seed, epoch),
            ),
            photos(TFRECORDS, "validation", options.batch_size, tasks),
            tasks,
            options,
            seed,
            progress,
            on_epoch=curves.recorder(live),
            say=say,
            distribution=machines,
        )
    save(with_weights(weights, build(to_save=True)), MODEL)
    # Until all have the model, all can go on.
    machines.wait()
    progress.finish()
    curves.record_times("train_custom", MODEL, histories)


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
