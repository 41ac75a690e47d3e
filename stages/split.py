"""Reject files without labels and corrupt ones, and split the photos without leaks."""

import json
from pathlib import Path

import pandas as pd

from agegender.common.errors import UserError
from agegender.common.progress import progress_bar
from agegender.download.manifest import read_manifest
from agegender.photos.photos import write_photos
from agegender.preparation.parameters import Split
from agegender.preparation.screening import (
    check_images,
    check_labels,
    counts,
    read_thumbnails,
    write_rejected,
)
from agegender.preparation.splits import split_photos
from stages.common.stage import parameters, record_time, run

RAW = Path("data/raw")
SPLIT = Path("data/split")
REJECTED = Path("data/rejected.csv")
METRICS = Path("metrics/split.json")


def main() -> None:
    declared = parameters("split")
    options = declared.section("split", Split)

    labelled, rejected_labels = check_labels(read_manifest(RAW))
    paths = (f"{RAW}/{file}" for file in labelled["file"])
    thumbnails = progress_bar(
        read_thumbnails(paths), desc="checking", unit="photos", total=len(labelled)
    )
    photos, rejected_images, pairs = check_images(
        RAW, labelled, thumbnails, options.near_duplicate_correlation
    )
    rejected = pd.concat([rejected_labels, rejected_images])
    write_rejected(REJECTED, rejected)
    try:
        splits = split_photos(photos, options.validation, options.test, declared["seed"])
    except UserError as error:
        raise UserError(
            f"{error} with download.source; {REJECTED} says why {len(rejected)} were rejected"
        ) from None

    SPLIT.mkdir(parents=True, exist_ok=True)
    for split, members in splits.items():
        write_photos(SPLIT / f"{split}.csv", members)
    METRICS.parent.mkdir(exist_ok=True)
    counted = counts(splits, rejected, pairs)
    METRICS.write_text(json.dumps(counted, indent=2) + "\n", encoding="utf-8")
    sizes = ", ".join(f"{len(members)} {split}" for split, members in splits.items())
    print(f"{len(photos) + len(rejected)} files: {sizes}, {len(rejected)} rejected ({REJECTED})")
    record_time("split", Path("data/split/train.csv"))


if __name__ == "__main__":
    run(main)
