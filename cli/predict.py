"""``python -m agegender predict``: a model on the user's own photos."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from agegender.common.errors import UserError
from stages.common import process

MODELS = Path("models")
PRETRAINED = Path("pretrained/custom.keras")
LOCK = Path("dvc.lock")
HEAD = f"{'file':<40}  face  P(female)    age  80 % range  detector  warning"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``predict``."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="photos, folders, zips, or patterns in quotes")
    add("--out", type=Path, metavar="FOLDER", help="a new folder for pictures and tables")
    add("--crops", action="store_true", help="with --out: also write the crops that the model saw")
    add("--model", default="", help="custom, vgg16, or a .keras file; see docs/predict.md")
    add("--views", choices=("one", "all"), default="all", help="one: faster; all: as evaluated")
    add("--aligned", action="store_true", help="the photos are crops, as in the training archive")


def predict(arguments: argparse.Namespace) -> None:
    """Predict on photos, print a table, and write what was asked for.

    Raises:
        UserError: the arguments are of no use, or no file could be read.
    """
    if arguments.crops and not arguments.out:
        raise UserError("--crops needs --out FOLDER, where they are written")
    path = choose(arguments.model)
    from agegender.prediction.inputs import count_photos, expand, read_photos

    paths = expand(arguments.paths)
    if arguments.out:
        refuse_among(arguments.out, paths)
        _make_new(arguments.out)
    predictor = load(path, arguments.views, arguments.aligned)
    print(f"model: {path} ({origin(path)})", file=sys.stderr)

    from agegender.common.progress import progress_bar
    from agegender.prediction.output import Output

    photos = progress_bar(
        predictor.stream(read_photos(paths)), desc="faces", unit="photos", total=count_photos(paths)
    )
    print(HEAD)
    readable = 0
    with Output(arguments.out, arguments.crops) as output:
        try:
            for result in photos:
                readable += result.readable
                for row in output.write(result):
                    # Above the bar, where there is one.
                    photos.write(_line(row), file=sys.stdout)
        except KeyboardInterrupt:
            print(
                f"\ninterrupted{f'; {arguments.out} holds what was done' if arguments.out else ''}"
            )
            raise SystemExit(process.INTERRUPTED) from None
    if not readable:
        raise UserError("none of the files could be read")
    if arguments.out:
        print(f"pictures and tables: {arguments.out}", file=sys.stderr)


def choose(name: str) -> Path:
    """The file of the model that the user named, or else of the one to use.

    That is the pipeline's custom CNN where it was trained on photos of the user's or on UTKFace,
    else the one that comes with the project.

    Raises:
        UserError: there is none.
    """
    if not name:
        path = MODELS / "custom.keras"
        if PRETRAINED.exists() and (not path.exists() or _trained_on_samples()):
            path = PRETRAINED
    elif name in ("custom", "vgg16"):
        path = MODELS / f"{name}.keras"
    else:
        path = Path(name)
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

    Raises:
        UserError: it cannot be used.
    """
    process.hold_greetings()
    from agegender.networks.device import enable_determinism
    from agegender.prediction.predictor import Predictor, UnusableTemplateError

    process.imports_done()
    enable_determinism(0)
    try:
        return Predictor(path, views, aligned)
    except UnusableTemplateError as error:
        raise UserError(f"{error}; if yours are, add --aligned") from None


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


def _make_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists; name a new or an empty folder, so that nothing is lost")
    folder.mkdir(parents=True, exist_ok=True)


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
