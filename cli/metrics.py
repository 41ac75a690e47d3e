"""``python -m agegender metrics``, and tables of metrics."""

import argparse
import json
from pathlib import Path
from typing import Any

from agegender.analysis.writing import unit_of, write, write_interval, write_known
from agegender.common.errors import UserError
from agegender.evaluation.scores import SCORES, Score

METRICS = {model: Path(f"metrics/{model}.json") for model in ("custom", "vgg16")}
REPORT = Path("report/index.html")
TITLES = {"custom": "Custom CNN", "vgg16": "VGG16"}


def metrics(arguments: argparse.Namespace) -> None:
    """Print both models' metrics on the test split, and where the report lies."""
    try:
        values = {model: json.loads(path.read_text("utf-8")) for model, path in METRICS.items()}
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing; `dvc repro` makes it") from None
    except ValueError:
        files = " or ".join(map(str, METRICS.values()))
        raise UserError(f"{files} is damaged; `dvc checkout` or git restores it") from None
    print_metrics(values)
    if REPORT.exists():
        print(f"The report: {REPORT.resolve()}")
    else:
        print("The report is not here yet; `dvc repro` makes it")


def print_metrics(values: dict[str, Any]) -> None:
    """Print the metrics of models, next to the baseline of the first."""
    first = next(iter(values.values()))
    rows = []
    for score in SCORES:
        if any(score.name in each.get(score.task, {}) for each in values.values()):
            cells = [with_interval(score, each[score.task]) for each in values.values()]
            baseline = first["baseline"][score.task].get(score.name)
            written = "" if baseline is None else write(score, baseline, False)
            rows.append([title(score), *cells, written])
    known = write_known(first.get("known"))
    of_which = f", of which {known}" if known else ""
    print(f"On the {first['n']} photos of the test split{of_which} (95 % interval):")
    print_table(["", *(TITLES[model] for model in values), "baseline"], rows)


def title(score: Score) -> str:
    """The title of a score and its unit."""
    return ", ".join(filter(None, (score.title, unit_of(score))))


def with_interval(score: Score, task: dict[str, Any]) -> str:
    """The value of a score in the metrics of its task, and its interval."""
    low, high = (task.get(f"{score.name}_{end}") for end in ("low", "high"))
    interval = write_interval(score, low, high)
    return write(score, task.get(score.name), unit=False) + (f" ({interval})" if interval else "")


def print_table(heads: list[str], rows: list[list[str]]) -> None:
    """Print a table in columns as wide as they need."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
