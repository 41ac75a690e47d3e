"""What benchmarks read: the clone's photos, and parameters."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from agegender.photos.photos import SPLITS, read_photos
from agegender.preparation.preprocessing import squares
from tests.clones import ROOT, Clone

SHARD_RECORDS = 256


def parameters(folder: Path = ROOT) -> dict[str, Any]:
    """What params.yaml in ``folder`` holds."""
    return dict(yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8")))


def of_splits(clone: Clone, **counts: int) -> dict[str, pd.DataFrame]:
    """The first photos of each split, by its name as many as ``counts`` says; of others, one."""
    return {
        split: read_photos(clone.path / f"data/split/{split}.csv")[: counts.get(split, 1)]
        for split in SPLITS
    }


def paths(clone: Clone, photos: Mapping[str, pd.DataFrame]) -> list[str]:
    """Where the JPEGs of ``photos`` are, split after split."""
    return [f"{clone.path}/data/raw/{file}" for table in photos.values() for file in table["file"]]


def preprocess(
    jpegs: Iterable[str], photos: Mapping[str, pd.DataFrame], folder: Path, image_size: int
) -> None:
    """Bring photos into TFRecords as the stage of this name does.

    Args:
        jpegs: where they are, split after split.
        photos: see `of_splits`.
        folder: emptied first.
        image_size: pixels a side.
    """
    # Here, since the processes that decode import this module and need no TensorFlow.
    from agegender.photos.writer import write_records

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_records(folder, image_size, photos, squares(jpegs, image_size), SHARD_RECORDS)


def write_records(clone: Clone, folder: Path, **counts: int) -> Path:
    """Bring some of the clone's photos, see `of_splits`, into TFRecords in ``folder``."""
    clone.dvc("repro", "split")
    photos = of_splits(clone, **counts)
    preprocess(paths(clone, photos), photos, folder, parameters(clone.path)["image_size"])
    return folder
