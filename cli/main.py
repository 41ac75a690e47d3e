"""The command line: ``python -m agegender check | source PATH | summary MODEL | ...``.

It is used from the project's folder and reads what lies there. The arguments of all commands are
here. A command is the function of its name in the module of its name, which is imported only when
it is called: most take seconds.
"""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from agegender.common.errors import UserError
from stages.common import process


def main() -> None:
    """Run the command that the arguments name."""
    arguments = _parser().parse_args()
    command = arguments.command
    try:
        getattr(import_module(f"cli.{command}"), command)(arguments)
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    except BrokenPipeError:
        # Whoever reads the output, such as `head`, has seen enough; nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise SystemExit(f"error: {where}{error.strerror or error}") from None
    except KeyboardInterrupt:
        raise SystemExit(process.INTERRUPTED) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m agegender", description="What there is to do with a pipeline and its models."
    )
    add = parser.add_subparsers(dest="command", required=True).add_parser
    add("check", help="check params.yaml, and that no file of yours would be lost")
    place = add("source", help="write download.source to params.yaml")
    place.add_argument("path", help="of photos: a folder, zip or tar; an address; sample; utkface")
    one = add("summary", help="print a model's layers and parameters")
    one.add_argument("model", choices=["custom", "vgg16"])
    add("metrics", help="print both models' metrics on the test split")
    look = add("inspect", help="look at photos and their labels first")
    look.add_argument("source", help="of photos: a folder, zip or tar")
    look.add_argument("--labels", help="a label table; by default labels.csv in the source")
    validation = add("folds", help="put the folds of a cross-validation together")
    validation.add_argument("revision", nargs="?", default="HEAD", help="of its experiments")
    validation.add_argument("--suspects", type=Path, help="write the labels that models contradict")
    named = add("recipe", help="print a recipe as options of dvc exp run")
    named.add_argument("name", nargs="?", default="", help="of a file in recipes/, without .yaml")
    _add_predict(add("predict", help="predict age and gender on photos of your own"))
    _add_demo(add("demo", help="serve a page to try the models on, for this machine"))
    _add_export(add("export", help="write a model in another format, with its card"))
    _add_score(add("score", help="score a model on labeled photos of another origin"))
    return parser


def _add_predict(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="photos, folders, zips, or patterns in quotes")
    add("--out", type=Path, metavar="FOLDER", help="a new folder for pictures and tables")
    add("--crops", action="store_true", help="with --out: also write the crops that the model saw")
    add("--model", default="", help="custom, vgg16, or a .keras file; see docs/predict.md")
    add("--views", choices=("one", "all"), default="all", help="one: faster; all: as evaluated")
    add("--aligned", action="store_true", help="the photos are crops, as in the training archive")


def _add_demo(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", action="append", default=[], help="as for predict; may be given several times")
    add("--port", type=int, default=8001, help="of the page's address; 0: any that is free")


def _add_export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", help="custom, vgg16, or a .keras file")
    forms = ("keras", "saved_model", "litert", "onnx")
    add("--to", choices=forms, required=True, help="the format")
    add("--out", type=Path, metavar="FOLDER", required=True, help="a new folder")
    add("--views", choices=("all", "one"), default="all", help="one: no test-time augmentation")
    add("--weights", choices=("float32", "float16"), default="float32", help="how they are stored")


def _add_score(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("source", metavar="PATH", help="photos with labels: a folder, zip or tar")
    add("--labels", metavar="TABLE", help="of the labels; by default those in PATH, or names")
    add("--model", default="", help="custom, vgg16, or a .keras file; see docs/predict.md")
    add("--views", choices=("all", "one"), default="all", help="one: no test-time augmentation")
    add(
        "--crop",
        default="1",
        metavar="SHARE",
        help="side of the centered square to look at, as a share of the width; or `faces`: align "
        "the face that is found, as predict does",
    )
