"""The command line: ``python -m agegender check | source PATH | summary MODEL | ...``.

It is used from the project's folder and reads what lies there.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from agegender.common.errors import UserError
from agegender.common.files import atomic_write
from agegender.download.manifest import MANIFEST, refuse_other_files
from agegender.download.paths import local_path, refuse_written
from agegender.preparation.parameters import Split
from agegender.preparation.protocol import read_protocol
from cli import demo, export, predict, score
from cli.metrics import METRICS, metrics, print_table
from cli.parameters import Document
from stages.common import process
from stages.common.stage import project_root

PARAMETERS = Path("params.yaml")
RECIPES = Path("recipes")
RENAMED_RECIPES = {"source-report": "reference-report"}


def check() -> Document:
    """Check the whole of params.yaml.

    Raises:
        UserError: it is missing, is not YAML, or a parameter is unknown, missing or wrong.
    """
    return _parsed(_read_yaml(PARAMETERS))


def _parsed(values: Any) -> Document:
    try:
        return Document.parse(values)
    except UserError as error:
        raise UserError(f"{PARAMETERS}: {error}") from None


def check_files(document: Document) -> None:
    """Make sure that no file of the user's is where stages, or DVC before them, clear up.

    Raises:
        UserError: there is one.
    """
    root, written = project_root(), {"progress"}
    for block in _read_yaml(Path("dvc.yaml"))["stages"].values():
        for out in [*block.get("outs", []), *block.get("metrics", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            # In data/ users may keep theirs, too.
            top = path.partition("/")[0]
            written |= {path, f"{path}.partial", f"{path}.previous"} if top == "data" else {top}
    given = {
        "download.source": document.download.source,
        "download.labels": document.download.labels,
        "download_vgg16.source": document.download_vgg16.source,
        "download_yunet.source": document.download_yunet.source,
        "split.file": document.split.file,
    }
    for name, path in given.items():
        if path is None:
            continue
        try:
            refuse_written(path, root, [root / each for each in sorted(written)])
        except UserError as error:
            raise UserError(f"{PARAMETERS}: {name}: {error}") from None
    for folder, known in (
        (Path("data/raw"), MANIFEST),
        (Path("data/vgg16"), "vgg16.npz"),
        (Path("data/yunet"), "yunet.onnx"),
    ):
        # The second is what a kill may leave.
        for place in (folder, folder.with_name(f"{folder.name}.previous")):
            refuse_other_files(place, [known])


def check_protocol(options: Split) -> None:
    """Make sure that split.file can be followed.

    Raises:
        UserError: it cannot be read, or is something else, or a cross-validation is wanted, too.
    """
    try:
        protocol = read_protocol(Path(options.file))
    except UserError as error:
        raise UserError(f"{PARAMETERS}: split.file: {error}") from None
    if protocol and options.folds:
        raise UserError(
            f"{PARAMETERS}: split.file fixes the test split, and split.folds={options.folds} draws "
            "it; set split.folds to 0, or split.file to recipes/random-split.csv"
        )


def source(path: str) -> None:
    """Write ``path`` to params.yaml as download.source; all else there stays as it is.

    Raises:
        UserError: params.yaml with it would be rejected, or there is no such file or folder.
    """
    from ruamel.yaml import YAML

    check()
    editor = YAML()
    editor.preserve_quotes, editor.width = True, 2**20
    editor.representer.add_representer(
        type(None),
        lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null"),
    )
    values = editor.load(PARAMETERS.read_text(encoding="utf-8"))
    if values["download"]["source"] == path:
        return
    values["download"]["source"] = path
    check_files(_parsed(values))
    if path not in ("sample", "utkface") and "://" not in path:
        local_path(path, project_root())
    with atomic_write(PARAMETERS) as temporary, temporary.open("w", encoding="utf-8") as file:
        editor.dump(values, file)


def recipe(name: str) -> None:
    """Print the parameters of a recipe as options of ``dvc exp run``.

    Raises:
        UserError: there is no such recipe, or params.yaml with it would be rejected.
    """
    if name in RENAMED_RECIPES:
        raise UserError(f"the recipe '{name}' is now '{RENAMED_RECIPES[name]}'")
    known = sorted(path.stem for path in RECIPES.glob("*.yaml"))
    if name not in known:
        raise UserError(f"there is no recipe '{name}' in {RECIPES}/; known: {', '.join(known)}")
    from dvc.config import merge
    from dvc.utils.flatten import flatten

    path = RECIPES / f"{name}.yaml"
    document, values = check().model_dump(), _read_yaml(path)
    try:
        if not isinstance(values, dict):
            raise UserError("it must be a mapping of parameters to values")
        merge(document, values)
        _parsed(document)
    except UserError as error:
        raise UserError(f"with {path}, {error}") from None
    for option, value in flatten(values).items():
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        print(f"-S {option}={text}", end=" ")
    print()


def _read_yaml(path: Path) -> Any:
    # The reader that DVC uses, which knows 1e-4 for a number.
    from ruamel.yaml import YAML, YAMLError

    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing here; run this in the project's folder") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def summary(model: str) -> None:
    """Print the layers of a model with the current parameters: shape, parameters, trainable."""
    document = check()
    process.hold_greetings()
    from agegender.custom import network as custom
    from agegender.evaluation.describe import layers, parameter_counts
    from agegender.training.inference import for_export, inference_model
    from agegender.vgg16 import network as vgg16
    from agegender.vgg16.frozen.backbone import Backbone

    process.imports_done()
    size, tasks = document.image_size, document.tasks
    if model == "custom":
        networks = [
            for_export(custom.build(document.train_custom, size, tasks), number)
            for number in range(document.train_custom.ensemble_size)
        ]
        saved = inference_model(networks, size, document.train_custom, model)
    else:
        options = document.train_vgg16
        networks = [
            for_export(vgg16.build(options, size, tasks, weights=None), number)
            for number in range(options.ensemble_size)
        ]
        backbone = Backbone(size, options.unfreeze, weights=None)
        saved = inference_model(networks, size, options, model, backbone)
    rows = [
        [
            row["name"],
            " x ".join(str(side) for side in row["output_shape"]),
            f"{row['parameters']:,}",
            "yes" if row["trainable"] else ("no" if row["parameters"] else ""),
        ]
        for row in layers(saved)
    ]
    counts = parameter_counts(saved)
    print_table(["layer", "output shape", "parameters", "trainable"], rows)
    frozen = counts["total"] - counts["trainable"]
    print(f"{counts['total']:,} in all, {counts['trainable']:,} trainable, {frozen:,} frozen")


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(
        "python -m agegender", description="What there is to do with a pipeline and its models."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="check params.yaml, and that no file of yours would be lost")
    place = commands.add_parser("source", help="write download.source to params.yaml")
    place.add_argument("path", help="of photos: a folder, zip or tar; an address; sample; utkface")
    one = commands.add_parser("summary", help="print a model's layers and parameters")
    one.add_argument("model", choices=list(METRICS))
    commands.add_parser("metrics", help="print both models' metrics on the test split")
    look = commands.add_parser("inspect", help="look at photos and their labels first")
    look.add_argument("source", help="of photos: a folder, zip or tar")
    look.add_argument("--labels", help="a label table; by default labels.csv in the source")
    validation = commands.add_parser("folds", help="put the folds of a cross-validation together")
    validation.add_argument("revision", nargs="?", default="HEAD", help="of its experiments")
    validation.add_argument("--suspects", type=Path, help="write the labels that models contradict")
    named = commands.add_parser("recipe", help="print a recipe as options of dvc exp run")
    named.add_argument("name", nargs="?", default="", help="of a file in recipes/, without .yaml")
    photos = commands.add_parser("predict", help="predict age and gender on photos of your own")
    predict.add_arguments(photos)
    page = commands.add_parser("demo", help="serve a page to try the models on, for this machine")
    demo.add_arguments(page)
    model = commands.add_parser("export", help="write a model in another format, with its card")
    export.add_arguments(model)
    others = commands.add_parser("score", help="score a model on labeled photos of another origin")
    score.add_arguments(others)
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "check":
                document = check()
                check_files(document)
                check_protocol(document.split)
            case "source":
                source(arguments.path)
            case "inspect":
                from cli.inspect import inspect

                inspect(arguments.source, arguments.labels, project_root())
            case "summary":
                summary(arguments.model)
            case "metrics":
                metrics()
            case "folds":
                from cli.folds import folds

                folds(arguments.revision, arguments.suspects)
            case "recipe":
                recipe(arguments.name)
            case "predict":
                predict.predict(arguments)
            case "demo":
                demo.demo(arguments)
            case "export":
                export.export(arguments)
            case "score":
                score.score(arguments)
    except UserError as error:
        if arguments.command == "recipe" and not sys.stdout.isatty():
            # `dvc exp run $(...)` would run without the recipe; at what is no stage it stops.
            print("unusable-recipe")
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
