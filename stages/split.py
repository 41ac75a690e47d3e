"""Read the labels from the file names, refuse spoilt files and part the photos without leaks."""

import json
from pathlib import Path

from agegender.common.errors import UserError
from agegender.common.progress import progress_bar
from agegender.download.manifest import read_manifest
from agegender.photos.photos import write_photos
from agegender.preparation.parameters import Split
from agegender.preparation.screening import (
    counts,
    hash_photos,
    read_labels,
    screen,
    write_rejections,
)
from agegender.preparation.splits import part
from stages.common.stage import parameters, record_time, run

RAW = Path("data/raw")
SPLIT = Path("data/split")
REJECTED = Path("data/rejected.csv")
METRICS = Path("metrics/split.json")


def main() -> None:
    declared = parameters("split")
    options = declared.section("split", Split)

    candidates, unnamed = read_labels(read_manifest(RAW))
    paths = (f"{RAW}/{candidate.file}" for candidate in candidates)
    hashes = progress_bar(hash_photos(paths), desc="checking", unit="photos", total=len(candidates))
    photos, unusable = screen(candidates, hashes, options.near_duplicate_bits)
    rejections = unnamed + unusable
    write_rejections(REJECTED, rejections)
    try:
        splits = part(photos, options.validation, options.test, declared["seed"])
    except UserError as error:
        raise UserError(
            f"{error} with download.source; {REJECTED} says why {len(rejections)} were refused"
        ) from None

    SPLIT.mkdir(parents=True, exist_ok=True)
    for split, members in splits.items():
        write_photos(SPLIT / f"{split}.csv", members)
    METRICS.parent.mkdir(exist_ok=True)
    METRICS.write_text(json.dumps(counts(splits, rejections), indent=2) + "\n", encoding="utf-8")
    sizes = ", ".join(f"{len(members)} {split}" for split, members in splits.items())
    print(
        f"{len(photos) + len(rejections)} files: {sizes}, {len(rejections)} rejected ({REJECTED})"
    )
    record_time("split", Path("data/split/train.csv"))


if __name__ == "__main__":
    run(main)
