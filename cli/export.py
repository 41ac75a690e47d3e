"""``python -m agegender export``: a model in another format, proven there, with its card."""

import argparse
import contextlib
import importlib.util
import logging
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from agegender.common.errors import DamagedFileError, UserError
from agegender.common.files import sha256
from cli.predict import MODELS, choose, require_new
from stages.common import process

if TYPE_CHECKING:
    import numpy as np

logger = logging.getLogger(__name__)

TFRECORDS = Path("data/tfrecords")
# The detector's license, which must come with every copy.
NOTICE = resources.files("agegender.faces") / "yunet.LICENSE.txt"
# Photos that an exported file is compared with Keras on.
PHOTOS = 32


def export(arguments: argparse.Namespace) -> None:
    """Export a model into a new folder, with its card and what else travels with it.

    Raises:
        UserError: there is no such model, the folder is in use, packages are missing, or the
            exported file does not answer as Keras does; then there is no folder.
    """
    form, out, views, weights = arguments.to, arguments.out, arguments.views, arguments.weights
    path = choose(arguments.model)
    require_new(out)
    missing = [name for name in ("tf2onnx", "onnxruntime") if not importlib.util.find_spec(name)]
    if form == "onnx" and missing:
        raise UserError(
            f"ONNX needs {' and '.join(missing)}: pip install -r requirements-export.txt"
        )
    from agegender.report.card import ExportedFile, card_of, write_card

    try:
        card = card_of(path)
    except DamagedFileError as error:
        if path.parent != MODELS:
            raise
        raise UserError(f"{error}; `dvc repro` writes both") from None
    if card is None:
        logger.warning("%s has no card next to it: exporting without one", path)
    process.imports_begin()
    from agegender.evaluation.predict import load
    from agegender.export.export import export_model
    from agegender.export.formats import FORMATS
    from agegender.faces.template import FILE
    from agegender.networks.views import single_view
    from agegender.prediction.predictor import DETECTOR

    process.imports_done()
    network = load(path)
    images, whose = _photos(network.input.shape[1])
    if views == "one":
        network = single_view(network)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary:
        folder = Path(temporary, out.name)
        folder.mkdir()
        exported = folder / f"{path.stem}{FORMATS[form].suffix}"
        differences = export_model(network, exported, form, weights, images)
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        digests = {file.relative_to(folder).as_posix(): sha256(file) for file in files}
        size = sum(file.stat().st_size for file in files)
        for companion in (FILE, DETECTOR):
            if path.with_name(companion).is_file():
                shutil.copy(path.with_name(companion), folder)
        if (folder / DETECTOR).is_file():
            (folder / NOTICE.name).write_bytes(NOTICE.read_bytes())
        if card is not None:
            file = ExportedFile(
                name=exported.name,
                form=form,
                weights=weights,
                views=views,
                sha256=digests,
                differences=differences,
            )
            written = folder / f"{path.stem}.card.json"
            # A model that was exported before, such as the pretrained one, is of that commit.
            commit = card.commit or _commit()
            write_card(written, card.model_copy(update={"file": file, "commit": commit}))
            # The name that model hubs look for.
            written.with_suffix(".md").rename(folder / "README.md")
        folder.rename(out)
    found = ", ".join(f"{value:.2g} ({name})" for name, value in differences.items())
    print(
        f"{out / exported.name}: {size / 1e6:.1f} MB; on {whose} it differs from Keras by {found}"
    )


def _photos(size: int) -> tuple["np.ndarray", str]:
    """Photos of this size to compare on: of the validation split, or else drawn; and whose."""
    import numpy as np

    from agegender.evaluation.predict import read_images
    from agegender.photos.records import read_index
    from agegender.preparation.images import RejectedImageError, square
    from portraits.archive import draw_samples

    try:
        if read_index(TFRECORDS).image_size == size:
            images = read_images(TFRECORDS, "validation", PHOTOS)
            return images, f"{len(images)} validation photos"
    except DamagedFileError:
        # Exporting a model from elsewhere needs no pipeline that has run.
        pass
    with tempfile.TemporaryDirectory() as folder:
        draw_samples(Path(folder), PHOTOS, seed=1, processes=1)
        pixels = []
        for file in sorted(Path(folder).iterdir()):
            # Some are corrupt, as in archives of photos.
            with contextlib.suppress(RejectedImageError):
                pixels.append(np.frombuffer(square(file.read_bytes(), size), np.uint8))
    return np.stack(pixels).reshape(-1, size, size, 3), f"{len(pixels)} drawn portraits"


def _commit() -> str | None:
    git = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(git, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None
