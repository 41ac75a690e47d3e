"""A saved model in half the space: weights rounded to float16's values, and compressed."""

import zipfile
from pathlib import Path

import keras
import numpy as np

from agegender.common.files import atomic_write
from agegender.training.saving import EPOCH, save


def pack(model: keras.Model, path: Path) -> None:
    """Write ``model`` to ``path`` (.keras) with its weights rounded to what float16 can hold.

    Weights stay float32, so the file loads like any other; their last 13 bits are zero, which
    compression makes use of. Ages move by less than a tenth of a year.
    """
    model.set_weights(
        [weight.astype(np.float16).astype(weight.dtype) for weight in model.get_weights()]
    )
    with atomic_write(path) as temporary:
        plain = temporary.with_suffix(".keras")
        try:
            save(model, plain)
            with (
                zipfile.ZipFile(plain) as source,
                zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
            ):
                for name in source.namelist():
                    entry = zipfile.ZipInfo(name, EPOCH)
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    target.writestr(entry, source.read(name), compresslevel=9)
        finally:
            plain.unlink(missing_ok=True)
