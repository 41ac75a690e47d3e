"""Train the custom CNN from scratch."""

from functools import partial

from agegender.augmentation.augmentation import transform
from agegender.custom.network import build
from agegender.custom.parameters import TrainCustom
from agegender.networks.datasets import photos, training_photos
from agegender.photos.records import verify
from stages.common.stage import parameters, run
from stages.training.run import TFRECORDS, prepare, train_and_save


def main() -> None:
    declared = parameters("train_custom")
    options = declared.section("train_custom", TrainCustom)
    train_on, tasks, size = declared["train_on"], declared["tasks"], options.batch_size
    change = transform(options.augmentation)
    prepare(declared, options)
    train_and_save(
        "custom",
        declared,
        options,
        build=partial(build, options, declared["image_size"], tasks),
        batches=partial(training_photos, TFRECORDS, train_on, size, tasks, transform=change),
        validation=partial(photos, TFRECORDS, "validation", size, tasks),
    )


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
