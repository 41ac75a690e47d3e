"""``python -m agegender predict``: a model on the user's own photos."""

import argparse
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from agegender.common.errors import DamagedFileError, UserError
from stages.common import process

MODELS = Path("models")
PRETRAINED = Path("pretrained/custom.keras")
LOCK = Path("dvc.lock")
HEAD = f"{'file':<40}  face  P(female)    age  80 % range  detector  warning"


def predict(arguments: argparse.Namespace) -> None:
    """Predict on photos, print a table, and write what was asked for.

    Raises:
        UserError: the arguments are of no use, or no file could be read.
    """
    out = arguments.out
    if arguments.crops and not out:
        raise UserError("--crops needs --out FOLDER, where they are written")
    path = choose(arguments.model)
    from agegender.prediction.inputs import MISSING, expand, list_photos, read_photos

    files, skipped = list_photos(arguments.paths)
    if skipped:
        print(f"files skipped, no photos by their ending: {skipped:,}", file=sys.stderr)
    # Said before TensorFlow is loaded.
    if all(reason == MISSING for reason in files.values()):
        problem = f"{MISSING}:" if files else "there are no photos in"
        raise UserError(f"{problem} {', '.join(arguments.paths)}")
    if out:
        refuse_among(out, [path for given in arguments.paths for path in expand(given)])
        require_new(out)
        out.mkdir(parents=True, exist_ok=True)
    predictor = load(path, arguments.views, arguments.aligned)
    print(f"model: {path} ({origin(path)})", file=sys.stderr)

    from agegender.common.progress import progress_bar
    from agegender.prediction.output import rows, write

    photos = progress_bar(
        predictor.stream(read_photos(files)), desc="faces", unit="photos", total=len(files)
    )
    readable = 0
    print(HEAD)
    try:
        with closing(write(photos, out, arguments.crops)) as results:
            for result in results:
                readable += result.photo is not None
                for row in rows(result):
                    # Above the bar, where there is one.
                    photos.write(_line(row), file=sys.stdout)
    except KeyboardInterrupt:
        print(f"\ninterrupted{f'; {out} holds what was done' if out else ''}")
        raise SystemExit(process.INTERRUPTED) from None
    if not readable:
        raise UserError("none of the files could be read")
    if out:
        print(f"pictures and tables: {out}", file=sys.stderr)


def choose(name: str) -> Path:
    """The file of the model that the user named, or else of the one to use.

    That is the pipeline's custom CNN where it was trained on photos of the user's or on UTKFace,
    else the one that comes with the project.

    Raises:
        UserError: there is none.
    """
    path = MODELS / f"{name or 'custom'}.keras"
    if name not in ("", "custom", "vgg16"):
        path = Path(name)
    elif not name and PRETRAINED.exists() and (not path.exists() or _trained_on_samples()):
        path = PRETRAINED
    if not path.is_file():
        remedy = "; `dvc repro` trains it" if path.parent == MODELS else ""
        raise UserError(f"there is no model {path}{remedy}")
    return path


def origin(path: Path) -> str:
    """What a model was trained on, as far as it is known."""
    if path == PRETRAINED:
        return "trained on UTKFace; see pretrained/README.md"
    if path.parent == MODELS:
        return "trained on drawn portraits" if _trained_on_samples() else "trained here"
    return "your own"


def load(path: Path, views: Any, aligned: bool) -> Any:
    """The model at ``path``, ready; TensorFlow is loaded only now.

    After a training alone, the pipeline's card is still that of the model before: a warning says
    so, since the card cannot vouch for the template then.

    Raises:
        UserError: it cannot be used.
    """
    process.imports_begin()
    from agegender.faces.template import FILE, read_template
    from agegender.networks.device import enable_determinism
    from agegender.prediction.predictor import Predictor
    from agegender.report.card import OtherCardError

    process.imports_done()
    enable_determinism(0)
    try:
        return Predictor(path, views, aligned)
    except DamagedFileError as error:
        if path.parent != MODELS:
            raise
        if not isinstance(error, OtherCardError):
            raise UserError(f"{error}; `dvc repro` brings {MODELS}/ up to date") from None
    template = path.with_name(FILE)
    print(
        f"warning: the card next to {path} is of another model, so {template} may be of other "
        f"photos; `dvc repro` brings {MODELS}/ up to date",
        file=sys.stderr,
    )
    return Predictor(path, views, aligned, read_template(template))


def _trained_on_samples() -> bool:
    """Whether the models here are of drawn portraits, by what the pipeline ran with last."""
    try:
        lock = yaml.safe_load(LOCK.read_text(encoding="utf-8"))
        parameters = lock["stages"]["download"]["params"]["params.yaml"]
        return parameters.get("download.source", parameters["download"]["source"]) == "sample"
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return False


def refuse_among(folder: Path, paths: Iterable[Path]) -> None:
    """Make sure that pictures that are written are not taken for photos to read."""
    for path in paths:
        if path.is_dir() and folder.resolve().is_relative_to(path.resolve()):
            raise UserError(
                f"{folder} is in {path}, whose photos are read; name a folder elsewhere"
            )


def require_new(folder: Path) -> None:
    """Make sure that nothing is lost by writing into ``folder``."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists; name a new or an empty folder, so that nothing is lost")


def _line(row: dict[str, Any]) -> str:
    def cell(name: str, form: str) -> str:
        return "" if row[name] is None else format(row[name], form)

    low, high = cell("age_low", ".0f"), cell("age_high", ".0f")
    ages = f"{low}-{high}" if low else ""
    return (
        f"{_shorten(row['file']):<40}  {cell('face', 'd'):>4}  {cell('gender', '.3f'):>9}  "
        f"{cell('age', '.1f'):>5}  {ages:>10}  {cell('score', '.2f'):>8}  {row['warning']}"
    ).rstrip()


def _shorten(file: str, length: int = 40) -> str:
    return file if len(file) <= length else f"…{file[1 - length :]}"
