"""Train the custom CNN from scratch."""

from agegender.augmentation.augmentation import transform
from agegender.custom.network import build
from agegender.custom.parameters import TrainCustom
from agegender.networks.datasets import Dataset, EpochNumber, photos, training_photos
from agegender.photos.records import verify
from stages.common.stage import parameters, run
from stages.training.run import TFRECORDS, prepare, train_and_save


def main() -> None:
    declared = parameters("train_custom")
    options = declared.section("train_custom", TrainCustom)
    tasks, size = declared["tasks"], options.batch_size
    prepare(declared, options)
    change = transform(options.augmentation)

    def batches(seed: int, epoch: EpochNumber) -> Dataset:
        split = declared["train_on"]
        return training_photos(TFRECORDS, split, size, tasks, seed, epoch, change)

    train_and_save(
        "custom",
        declared,
        options,
        build=lambda median_age: build(options, declared["image_size"], tasks, median_age),
        batches=batches,
        validation=lambda: photos(TFRECORDS, "validation", size, tasks),
    )


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
