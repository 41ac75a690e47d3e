"""The command line: ``python -m agegender check | summary MODEL | metrics | score | recipe NAME``.

It is used from the project's folder and reads what lies there.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agegender.common.errors import UserError
from cli.parameters import Document

PARAMETERS = Path("params.yaml")
RECIPES = Path("recipes")
METRICS = {model: Path(f"metrics/{model}.json") for model in ("custom", "vgg16")}
TFRECORDS = Path("data/tfrecords")
REPORT = Path("report/index.html")
MODELS = {"custom": "custom CNN", "vgg16": "VGG16"}
# Rows of the table of metrics: heading, where the value stands, digits.
ROWS = (
    ("gender accuracy", ("gender", "accuracy"), 3),
    ("gender AUC", ("gender", "auc"), 3),
    ("age MAE, years", ("age", "mae"), 2),
    ("age RMSE, years", ("age", "rmse"), 2),
    ("age CS@5", ("age", "cs5"), 3),
    ("age bias, years", ("age", "bias"), 2),
)


def check() -> Document:
    """Check the whole of params.yaml.

    Raises:
        UserError: it is missing, is not YAML, or a parameter is unknown, missing or wrong.
    """
    return Document.parse(_read_yaml(PARAMETERS))


def recipe(name: str) -> None:
    """Print the parameters of a recipe as options of ``dvc exp run``.

    Raises:
        UserError: there is no such recipe, or params.yaml with it would be refused.
    """
    known = sorted(path.stem for path in RECIPES.glob("*.yaml"))
    if name not in known:
        raise UserError(f"there is no recipe '{name}' in {RECIPES}/; known: {', '.join(known)}")
    values = _read_yaml(RECIPES / f"{name}.yaml")
    try:
        Document.parse(_merged(_read_yaml(PARAMETERS), values))
    except UserError as error:
        raise UserError(f"with {RECIPES}/{name}.yaml, {error}") from None
    print(" ".join(f"-S {option}" for option in _options(values)))


def _merged(values: Any, others: Any) -> Any:
    """``values`` with ``others`` in their place, section by section."""
    if not isinstance(values, dict) or not isinstance(others, dict):
        return others
    return values | {key: _merged(values.get(key), other) for key, other in others.items()}


def _options(values: Any, name: str = "") -> Iterator[str]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _options(value, f"{name}.{key}" if name else key)
    elif isinstance(values, str):
        yield f"{name}={values}"
    else:
        yield f"{name}={json.dumps(values, separators=(',', ':'))}"


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
    from agegender.custom import network as custom
    from agegender.evaluation.describe import layers, parameter_counts
    from agegender.vgg16 import network as vgg16

    size, tasks = document.image_size, document.tasks
    if model == "custom":
        network = custom.build(document.train_custom, size, tasks, to_save=True)
    else:
        options = document.train_vgg16
        base = vgg16.layers(options, size, weights=None, to_save=True)
        network = vgg16.build(options, base, size, tasks, to_save=True)
    rows = [
        [
            row["name"],
            " x ".join(str(side) for side in row["output_shape"]),
            f"{row['parameters']:,}",
            "yes" if row["trainable"] else ("no" if row["parameters"] else ""),
        ]
        for row in layers(network.saved)
    ]
    counts = parameter_counts(network.saved)
    _print_table(["layer", "output shape", "parameters", "trainable"], rows)
    frozen = counts["total"] - counts["trainable"]
    print(f"{counts['total']:,} in all, {counts['trainable']:,} trainable, {frozen:,} frozen")


def metrics() -> None:
    """Print both models' metrics on the test split, and where the report lies."""
    try:
        values = {model: json.loads(path.read_text()) for model, path in METRICS.items()}
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing; `dvc repro` makes it") from None
    _print_metrics(values, "test")
    if REPORT.exists():
        print(f"The report: {REPORT.resolve()}")
    else:
        print("The report is not here yet; `dvc repro` makes it")


def score(models: list[str], as_json: bool) -> None:
    """Print the metrics of saved models on the validation split, by which to choose.

    The test split has no such command: it is evaluated by the pipeline, once a training.
    """
    document = check()
    import pandas as pd

    from agegender.evaluation.describe import parameter_counts
    from agegender.evaluation.metrics import as_metrics, baseline, evaluate, rounded
    from agegender.evaluation.predict import load, predict
    from agegender.photos.photos import read_photos

    always = baseline(pd.DataFrame(read_photos(Path("data/split/train.csv"))))
    options = document.evaluate
    values = {}
    for name in models:
        model = load(Path(f"models/{name}.keras"))
        predictions = predict(model, TFRECORDS, "validation", options.batch_size)
        scores = evaluate(predictions, options.bootstrap_samples, document.seed)
        values[name] = as_metrics(scores, predictions, always, parameter_counts(model))
        values[name]["train_on"] = _train_on(name) or document.train_on
    seen = [MODELS[name] for name in models if values[name]["train_on"] != "train"]
    if seen:
        print(
            f"warning: {' and '.join(seen)}: trained on these photos too, so choose by a model "
            "that was not (train_on: train)",
            file=sys.stderr,
        )
    if as_json:
        print(json.dumps(rounded(values), indent=2))
    else:
        _print_metrics(values, "validation")


def _train_on(model: str) -> str | None:
    """The splits that a saved model was trained on, as far as DVC's record of it tells."""
    try:
        stages = _read_yaml(Path("dvc.lock"))["stages"]
        return str(stages[f"train_{model}"]["params"][str(PARAMETERS)]["train_on"])
    except (UserError, KeyError, TypeError):
        return None


def _print_metrics(values: dict[str, Any], split: str) -> None:
    """Print the metrics of models, beside the baseline of the first."""
    first = next(iter(values.values()))
    rows = []
    for heading, (task, name), digits in ROWS:
        cells = [_with_interval(each.get(task), name, digits) for each in values.values()]
        baseline = first["baseline"].get(task, {}).get(name)
        if any(cells):
            rows.append([heading, *cells, "" if baseline is None else f"{baseline:.{digits}f}"])
    print(f"On the {first['n']} photos of the {split} split (95 % interval):")
    _print_table(["", *(MODELS[model] for model in values), "baseline"], rows)


def _with_interval(task: dict[str, Any] | None, name: str, digits: int) -> str:
    if not task:
        return ""
    if task.get(name) is None:
        return "-"
    value = f"{task[name]:.{digits}f}"
    low, high = task.get(f"{name}_low"), task.get(f"{name}_high")
    return value if low is None else f"{value} ({low:.{digits}f} to {high:.{digits}f})"


def _print_table(heads: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def _model(name: str) -> str:
    if name not in MODELS:
        raise argparse.ArgumentTypeError(f"'{name}' is no model; known: {', '.join(MODELS)}")
    return name


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser("python -m agegender", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="check params.yaml")
    one = commands.add_parser("summary", help="print a model's layers and parameters")
    one.add_argument("model", choices=list(METRICS))
    commands.add_parser("metrics", help="print both models' metrics on the test split")
    saved = commands.add_parser("score", help="print saved models' metrics on the validation split")
    saved.add_argument("models", nargs="*", type=_model, default=list(MODELS), metavar="MODEL")
    saved.add_argument("--json", action="store_true", help="as JSON")
    named = commands.add_parser("recipe", help="print a recipe as options of dvc exp run")
    named.add_argument("name", nargs="?", default="", help="of a file in recipes/, without .yaml")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "check":
                check()
            case "summary":
                summary(arguments.model)
            case "metrics":
                metrics()
            case "score":
                score(arguments.models, arguments.json)
            case "recipe":
                recipe(arguments.name)
    except UserError as error:
        if arguments.command == "recipe" and not sys.stdout.isatty():
            # `dvc exp run $(...)` would run without the recipe; at what is no stage it stops.
            print("unusable-recipe")
        raise SystemExit(f"error: {error}") from None
