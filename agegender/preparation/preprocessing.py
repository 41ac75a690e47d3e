"""Bringing photos to one size, on all cores."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from agegender.common.errors import DamagedFileError
from agegender.common.parallel import parallel_map
from agegender.preparation import images

# Photos that a process is handed at a time: 1.5 MB of results at 128 pixels a side.
_CHUNK = 32


def shuffled(photos: pd.DataFrame, *seed: int) -> pd.DataFrame:
    """The rows of ``photos`` in an order drawn from ``seed``."""
    return photos.iloc[np.random.default_rng(seed).permutation(len(photos))]


def squares(paths: Iterable[str], image_size: int) -> Iterator[bytes]:
    """RGB bytes of the photos at ``paths``, in their order, see `images.square`; on all cores.

    Raises:
        UserError: a photo cannot be decoded.
    """
    return parallel_map(partial(_square, image_size), paths, _CHUNK)


def _square(image_size: int, path: str) -> bytes:
    try:
        return images.square(Path(path).read_bytes(), image_size)
    except images.RejectedImageError as error:
        raise DamagedFileError(Path(path), f"has changed since the split ({error})") from None
