"""Decode every photo once, bring it to image_size and write it into TFRecords."""

from pathlib import Path

from agegender.common.files import replace_folder
from agegender.common.progress import progress_bar
from agegender.photos.photos import SPLITS, read_photos
from agegender.preparation.parameters import Preprocess
from agegender.preparation.preprocessing import shuffled, squares
from stages.common import process
from stages.common.stage import parameters, record_time, run

RAW = Path("data/raw")
SPLIT = Path("data/split")
TFRECORDS = Path("data/tfrecords")


def main() -> None:
    declared = parameters("preprocess")
    options = declared.section("preprocess", Preprocess)
    image_size = declared["image_size"]

    photos = {
        split: shuffled(read_photos(SPLIT / f"{split}.csv"), declared["seed"], number)
        for number, split in enumerate(SPLITS)
    }
    paths = [f"{RAW}/{file}" for table in photos.values() for file in table["file"]]
    decoded = squares(paths, image_size)
    # Here, since the processes that decode, already at work, import this module as well: they need
    # no TensorFlow.
    process.imports_begin()
    from agegender.photos.writer import write_records

    process.imports_done()

    images = progress_bar(decoded, desc="decoding and resizing", unit="photos", total=len(paths))
    with replace_folder(TFRECORDS) as folder:
        write_records(folder, image_size, photos, images, options.shard_records)
    record_time("preprocess", TFRECORDS / "index.json")


if __name__ == "__main__":
    run(main)
