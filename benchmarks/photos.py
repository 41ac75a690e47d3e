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
    clone: Clone, jpegs: Iterable[str], photos: Mapping[str, pd.DataFrame], folder: Path
) -> None:
    """Bring JPEGs, those of ``photos``, into TFRecords in ``folder`` as the stage does."""
    # Here, since the processes that decode import this module and need no TensorFlow.
    from agegender.photos.writer import write_records

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    given = parameters(clone.path)
    size, shard_records = given["image_size"], given["preprocess"]["shard_records"]
    write_records(folder, size, photos, squares(jpegs, size), shard_records)


def records_of(clone: Clone, folder: Path, **counts: int) -> Path:
    """``folder`` with TFRecords of some of the clone's photos, see `of_splits`."""
    clone.dvc("repro", "split")
    photos = of_splits(clone, **counts)
    preprocess(clone, paths(clone, photos), photos, folder)
    return folder
