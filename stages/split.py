"""Reject files without labels and corrupt ones, and split the photos without leaks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from agegender.common.errors import UserError
from agegender.common.files import write_json
from agegender.common.progress import progress_bar
from agegender.download.manifest import read_manifest
from agegender.photos.photos import write_photos
from agegender.preparation.parameters import Split
from agegender.preparation.protocol import read_protocol
from agegender.preparation.screening import (
    check_images,
    check_labels,
    counts,
    join_people,
    leave_out,
    read_thumbnails,
    write_rejected,
)
from agegender.preparation.splits import (
    count_protocol,
    protocol_of_table,
    split_by_protocol,
    split_fold,
    split_photos,
)
from stages.common.stage import parameters, record_time, run

RAW = Path("data/raw")
SPLIT = Path("data/split")
REJECTED = Path("data/rejected.csv")
METRICS = Path("metrics/split.json")


def main() -> None:
    declared = parameters("split")
    options = declared.section("split", Split)
    protocol = read_protocol(Path(options.file))

    entries = list(read_manifest(RAW))
    labeled, rejected = check_labels(entries)
    if not protocol and not options.folds:
        protocol = protocol_of_table(labeled)
    labeled = labeled.drop(columns="split", errors="ignore")
    if protocol:
        labeled, left_out = leave_out(labeled, protocol, "the protocol does not name it")
        rejected = pd.concat([rejected, left_out])
    paths = (f"{RAW}/{file}" for file in labeled["file"])
    thumbnails = progress_bar(
        read_thumbnails(paths), desc="checking", unit="photos", total=len(labeled)
    )
    # What a protocol names stays in it: its published results are of these photos.
    checked = check_images(
        RAW, labeled, thumbnails, options.near_duplicate_correlation, keep_copies=bool(protocol)
    )
    rejected = pd.concat([rejected, checked.rejected])
    write_rejected(REJECTED, rejected)
    try:
        splits = split(join_people(checked.photos), protocol, options, declared["seed"])
    except UserError as error:
        raise UserError(
            f"{error} with download.source; {REJECTED} says why {len(rejected)} were rejected"
        ) from None

    SPLIT.mkdir(parents=True, exist_ok=True)
    for name, members in splits.items():
        write_photos(SPLIT / f"{name}.csv", members)
    counted = counts(checked, splits, rejected)
    sizes = ", ".join(f"{len(members)} {name}" for name, members in splits.items())
    images = counted["images"]
    print(f"{images['total']} files: {sizes}, {images['rejected']} rejected ({REJECTED})")
    known = counted["labels"]
    if min(known["gender"], known["age"]) < len(checked.photos):
        print(
            f"of these photos {known['gender']} have a gender, {known['age']} an exact age and "
            f"{known['age_range']} an age range"
        )
    if protocol:
        counted["protocol"] = count_protocol(protocol, (entry.file for entry in entries), splits)
        print(describe(counted))
    write_json(METRICS, counted)
    record_time("split", Path("data/split/train.csv"))


def split(
    photos: pd.DataFrame, protocol: Mapping[str, str], options: Split, seed: int
) -> dict[str, pd.DataFrame]:
    """Split ``photos`` by the protocol if there is one, else for a fold, else by the shares."""
    if protocol:
        return split_by_protocol(photos, protocol, options.validation, seed)
    if options.folds:
        return split_fold(photos, options.folds, options.fold, options.validation, seed)
    return split_photos(photos, options.validation, options.test, seed)


def describe(counted: dict[str, Any]) -> str:
    """A line on how much of the protocol is here, and what it leaks."""
    protocol, leaks = counted["protocol"], counted["protocol"]["leaks"]
    return (
        f"the protocol names {protocol['named']} photos: {protocol['missing']} are not here, "
        f"{protocol['rejected']} were rejected; {counted['rejected']['left_out']} others are left "
        f"out; {leaks['groups']} groups of copies, or of photos of one person, are in several of "
        f"its splits, with {leaks['test_photos']} of the test photos"
    )


if __name__ == "__main__":
    run(main)
