"""Decode every photo once, bring it to image_size and write it into TFRecords."""

import shutil
from pathlib import Path

from agegender.common.console import track
from agegender.photos.photos import SPLITS, read_photos
from agegender.photos.records import write_index
from agegender.preparation.parameters import Preprocess
from agegender.preparation.preprocessing import plan, write
from stages.common.stage import parameters, record_time, run

RAW = Path("data/raw")
SPLIT = Path("data/split")
TFRECORDS = Path("data/tfrecords")


def main() -> None:
    declared = parameters("preprocess")
    options = declared.section("preprocess", Preprocess)
    image_size = declared["image_size"]

    photos = {split: read_photos(SPLIT / f"{split}.csv") for split in SPLITS}
    tasks = plan(RAW, photos, TFRECORDS, image_size, options.shard_records, declared["seed"])
    # Shards of another number or size would lie beside the new ones.
    shutil.rmtree(TFRECORDS, ignore_errors=True)
    TFRECORDS.mkdir(parents=True)
    every = [task for members in tasks.values() for task in members]
    shards = iter(list(track(write(every), len(every), "decoding and resizing", "shards")))
    index = {split: [next(shards) for _ in members] for split, members in tasks.items()}
    write_index(TFRECORDS, image_size, index)
    record_time("preprocess", TFRECORDS / "index.json")


if __name__ == "__main__":
    run(main)
