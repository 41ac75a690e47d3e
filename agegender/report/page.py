"""The report as one HTML page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agegender.analysis.suspicious import MIN_YEARS
from agegender.analysis.writing import write_known
from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.scores import (
    CUMULATIVE,
    CUMULATIVE_YEARS,
    SCORES,
    Score,
    primary_metric,
)
from agegender.photos.labels import GENDERS
from agegender.photos.photos import group_columns
from agegender.report import gallery, heatmap, prose
from agegender.report.card import Card
from agegender.report.figures import Figure
from agegender.report.gallery import Row
from agegender.report.results import Model
from agegender.report.settings import redacted, settings
from agegender.report.templates import TEMPLATES

# At most this many rejected files, and photos with suspicious labels of a task, are listed by name.
_LISTED = 100
_SUSPECTS = 20
# What the reference report says of its models, on 500 validation photos.
REFERENCE_REPORT = (
    {"model": "Custom CNN", "gender": 0.560, "age": 14.27},
    {"model": "VGG16", "gender": 0.758, "age": 9.77},
)


@dataclass(frozen=True)
class Report:
    """All that the page is made from.

    Attributes:
        models: the custom CNN's and VGG16's results.
        cards: of each model by name.
        differences: by score, the second model's less the first's.
        photos: every accepted photo, see `agegender.photos.photos.read_photos`, and its ``split``;
            ``rejected`` has the ``file`` and the ``reason`` of the others.
        counts: the contents of metrics/split.json.
        suspects: the labels that both models contradict, see `agegender.analysis.suspicious`.
        galleries: of each model by name; ``faces`` are the ``data:`` addresses of their photos.
        parameters: of every stage, by section.
        comments: the text of params.yaml, whose comments explain them.
        versions: of the packages.
        digests: SHA-256 of each stage's main output, by stage and path.
        figures: of the data and of both models together, by name.
        model_figures: of each model alone, by its name and theirs.
    """

    models: Sequence[Model]
    cards: Mapping[str, Card]
    differences: Mapping[Score, Estimate]
    photos: pd.DataFrame
    rejected: pd.DataFrame
    counts: Mapping[str, Any]
    suspects: pd.DataFrame
    galleries: Mapping[str, Sequence[Row]]
    faces: Mapping[str, str]
    parameters: Mapping[str, Any]
    comments: str
    versions: Mapping[str, str]
    digests: Mapping[tuple[str, str], str]
    figures: Mapping[str, Figure]
    model_figures: Mapping[str, Mapping[str, Figure]]


def render(report: Report) -> str:
    """The page; equal reports give equal pages."""
    page = TEMPLATES.get_template("page.html").render(_context(report))
    # A number and its percent sign stay on one line.
    return re.sub(r"(?<=\d) (?=%)", "\N{NO-BREAK SPACE}", page)


def _context(report: Report) -> dict[str, Any]:
    first = report.models[0]
    tasks, parameters = first.tasks, report.parameters
    return {
        "report": report,
        "source": redacted(parameters["download"]["source"]),
        "settings": settings(parameters, report.comments),
        "train_on": parameters["train_on"],
        "trained_on": sum(
            report.counts["images"][split] for split in parameters["train_on"].split("+")
        ),
        "tasks": tasks,
        "n": first.metrics["n"],
        "known": write_known(first.metrics.get("known")),
        "primary": {task: primary_metric(task, first.predictions) for task in tasks},
        "scores_in": _scores_in,
        "cumulative": list(zip(CUMULATIVE_YEARS, CUMULATIVE, strict=True))
        if len(first.plots.get("cumulative", ()))
        else [],
        "grouping": _grouping,
        "labels": prose.listed(
            [name for name in ("age", "gender") if report.photos[name].notna().any()]
            + [by.replace("_", " ") for by in group_columns(report.photos)]
        ),
        "splits": _splits(report.photos),
        "listed": _LISTED,
        "models": report.models,
        "reference_report": REFERENCE_REPORT,
        "prose": prose,
        "overlay": heatmap.overlay,
        "genders": GENDERS,
        "min_years": MIN_YEARS,
        "most_suspects": _SUSPECTS,
        "describe": gallery.describe,
    }


def _scores_in(task: str, *values: Mapping[str, Any]) -> list[Score]:
    """The scores of a task that are in any of the ``values``, mappings by their names."""
    return [
        score
        for score in SCORES
        if score.task == task and any(score.name in each for each in values)
    ]


def _splits(photos: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """The table of the splits: its rows, each a name and the values of the splits and of all."""
    columns = [photos[photos["split"] == name] for name in ("train", "validation", "test")]
    columns.append(photos)
    shares: list[tuple[str, int | str, str]] = []
    if photos["gender"].notna().any():
        shares += [("gender", *each) for each in enumerate(GENDERS)]
    for by in group_columns(photos):
        shares += [(by, name, name) for name in sorted({*photos[by]} - {""})]
    return [
        ("Photos", [f"{len(each):,}" for each in columns]),
        ("Median age", [f"{each['age'].median():.0f}" for each in columns]),
        *((name, [_share(each[label], code) for each in columns]) for label, code, name in shares),
    ]


def _share(labels: pd.Series, code: int | str) -> str:
    """How many of the labels that are known are ``code``."""
    known = labels[labels.notna() & (labels != "")]
    return f"{100 * (known == code).mean():.0f} %" if len(known) else "–"


def _grouping(by: str) -> str:
    """What a reader calls the groups of a label."""
    return "age decade" if by == "age" else by.replace("_", " ")
