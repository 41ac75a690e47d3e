"""TFRecords of a few photos, as the stage preprocess writes them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from agegender.photos.photos import SPLITS
from agegender.photos.writer import write_records


def write_tfrecords(
    folder: Path, images: Mapping[str, np.ndarray], shard_records: int = 1000, years: int = 1
) -> None:
    """Photos into TFRecords in ``folder``.

    Photo number i of a split is ``i.jpg``, of a person of ``i * years`` years and gender i % 2.

    Args:
        folder: of the TFRecords.
        images: by split, uint8, shape (n, size, size, 3); a split that is missing gets the first
            photo of the first one.
        shard_records: photos of a shard.
        years: see above.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (first, *_) = images.values()
    every = {split: images.get(split, first[:1]) for split in SPLITS}
    numbers = {split: np.arange(len(some)) for split, some in every.items()}
    labels = {
        split: pd.DataFrame(
            {
                "file": [f"{i}.jpg" for i in some],
                "age": some * years,
                "gender": some % 2,
                "race": "White",
            }
        )
        for split, some in numbers.items()
    }
    pixels = (image.tobytes() for some in every.values() for image in some)
    write_records(folder, first.shape[1], labels, pixels, shard_records)
