"""The report as one HTML page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from agegender.dataset.names import GENDERS, RACES
from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.metrics import LEADING, MIN_GROUP
from agegender.report import figures, gallery, prose
from agegender.report.gallery import Row
from agegender.report.results import CURVES, Model

# So many refused files are listed by name.
_LISTED = 100
# What the source report says of its models, on 500 validation photos.
SOURCE_REPORT = (
    {"model": "Custom CNN", "accuracy": 0.560, "mae": 14.27},
    {"model": "VGG16", "accuracy": 0.758, "mae": 9.77},
)
_CURVE_TITLES = {
    "loss": "Loss, all tasks together",
    "gender_loss": "Gender loss",
    "gender_accuracy": "Gender accuracy",
    "age_loss": "Age loss",
    "age_mae": "Age MAE",
}
_GROUPINGS = {"age": "age decade", "gender": "gender", "race": "race group"}


@dataclass(frozen=True)
class Report:
    """All that the page is made from.

    Attributes:
        models: the custom CNN's and VGG16's results.
        differences: by task and score, the second model's less the first's.
        photos: every usable photo: ``file``, ``age``, ``gender``, ``race``, ``group``, ``split``.
        rejected: the refused files: ``file`` and ``reason``.
        counts: the contents of metrics/split.json.
        galleries: of each model by name.
        faces: ``data:`` addresses of the photos in the galleries.
        parameters: the parameters of every stage.
        versions: of the packages.
        digests: SHA-256 by what it is of.
        stages: the name of every stage, and the key of its record of time.
    """

    models: Sequence[Model]
    differences: Mapping[str, Mapping[str, Estimate]]
    photos: pd.DataFrame
    rejected: pd.DataFrame
    counts: Mapping[str, Any]
    galleries: Mapping[str, Sequence[Row]]
    faces: Mapping[str, str]
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    digests: Mapping[str, str]
    stages: Mapping[str, str]


def render(report: Report) -> str:
    """The page; equal reports give equal pages."""
    folder = resources.files("agegender.report")
    files = ("page.html", "style.css", "script.js")
    environment = Environment(
        loader=DictLoader({name: folder.joinpath(name).read_text("utf-8") for name in files}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment.get_template("page.html").render(_context(report)) + "\n"


def _context(report: Report) -> dict[str, Any]:
    first, second = report.models
    source = str(report.parameters["download"]["source"])
    return {
        "report": report,
        "source": source,
        "source_name": source.rstrip("/").rpartition("/")[2],
        "tasks": first.tasks,
        "scores": prose.SCORES,
        "source_report": SOURCE_REPORT,
        "data": _data(report),
        "models": [_model(report, model, place) for place, model in enumerate(report.models)],
        "summary": prose.verdict(report.differences, first.title, second.title),
        "comparison": [
            {
                "score": score,
                "values": [_scored(model, task, name) for model in report.models],
                "difference": score.write_difference(report.differences[task][name].value),
                "interval": _interval_of(score, report.differences[task][name]),
                "chance": report.differences[task][name].is_chance,
                "sentence": prose.difference(
                    score, first.title, second.title, report.differences[task][name]
                ),
            }
            for task in first.tasks
            for name, score in prose.SCORES[task].items()
        ],
        "figures": list(_comparison_figures(report.models)),
        "groups": [_group_table(report.models, task) for task in first.tasks],
        "min_group": MIN_GROUP,
        "rise": prose.OVERFITTING_RISE,
        "parameters": list(_flat(report.parameters)),
        "right_years": gallery.RIGHT_YEARS,
    }


def _data(report: Report) -> dict[str, Any]:
    photos = report.photos
    splits = {name: photos[photos["split"] == name] for name in ("train", "validation", "test")} | {
        "all": photos
    }
    rows = [
        ("Photos", [f"{len(each):,}" for each in splits.values()]),
        ("Median age", [f"{each['age'].median():.0f}" for each in splits.values()]),
        *(
            (name, [_percent((each["gender"] == code).mean()) for each in splits.values()])
            for code, name in enumerate(GENDERS)
        ),
        *(
            (name, [_percent((each["race"] == code).mean()) for each in splits.values()])
            for code, name in enumerate(RACES)
        ),
    ]
    by_age = photos["age"].describe(percentiles=[0.25, 0.5, 0.75])
    return {
        "splits": list(splits),
        "rows": rows,
        "figure": _figure(
            figures.ages(photos),
            "Ages of all usable photos",
            f"Histogram of ages from {by_age['min']:.0f} to {by_age['max']:.0f} years, men and "
            f"women stacked; half of the people are {by_age['25%']:.0f} to {by_age['75%']:.0f}, "
            f"the median is {by_age['50%']:.0f}.",
        ),
        "rejected": report.rejected.head(_LISTED).to_dict("records"),
        "unlisted": max(0, len(report.rejected) - _LISTED),
    }


def _model(report: Report, model: Model, place: int) -> dict[str, Any]:
    sections = []
    for task in model.tasks:
        score_name = LEADING[task][0]
        score, values = prose.SCORES[task][score_name], model.metrics[task]
        sections.append(
            {
                "task": task,
                "rows": [
                    {"score": score, **_scored(model, task, name)}
                    for name, score in prose.SCORES[task].items()
                ],
                "baseline": prose.against_baseline(
                    score,
                    values[score_name],
                    values[f"{score_name}_low"],
                    values[f"{score_name}_high"],
                    model.metrics["baseline"][task][score_name],
                ),
                "gaps": list(_gaps(model, task)),
            }
        )
    return {
        "results": model,
        "curves": [_curve_figure(model, metric) for metric in model.curves],
        "fitting": prose.fitting(model.curves["loss"]),
        "sections": sections,
        "confusion": model.plots["confusion"].to_dict("records")
        if "gender" in model.tasks
        else None,
        "scatter": _scatter_figure(model, place) if "age" in model.tasks else None,
        "gallery": [
            {
                "title": row.title,
                "photos": [
                    {"face": report.faces[photo["file"]], **gallery.describe(photo)}
                    for _, photo in row.photos.iterrows()
                ],
            }
            for row in report.galleries[model.name]
        ],
        "share": 100
        * model.metrics["parameters"]["trainable"]
        / model.metrics["parameters"]["total"],
    }


def _scored(model: Model, task: str, name: str) -> dict[str, Any]:
    score, values = prose.SCORES[task][name], model.metrics[task]
    low, high = values[f"{name}_low"], values[f"{name}_high"]
    return {
        "value": score.write(values[name]),
        "sort": values[name],
        "interval": f"{score.bare(low)} to {score.bare(high)}",
        "baseline": score.write(model.metrics["baseline"][task][name])
        if name in model.metrics["baseline"][task]
        else "",
    }


def _interval_of(score: prose.Score, estimate: Estimate) -> str:
    return f"{score.write_difference(estimate.low)} to {score.write_difference(estimate.high)}"


def _gaps(model: Model, task: str) -> Iterator[dict[str, Any]]:
    for row in model.plots[f"{task}_gaps"].to_dict("records"):
        size = Estimate(row["gap"], row["gap_low"], row["gap_high"])
        yield {
            "by": _GROUPINGS[str(row["by"])],
            "words": prose.gap(task, size, str(row["best"]), str(row["worst"])),
            "chance": size.is_chance,
        }


def _group_table(models: Sequence[Model], task: str) -> dict[str, Any]:
    name = LEADING[task][0]
    score = prose.SCORES[task][name]
    tables = [model.plots[f"{task}_groups"].to_dict("records") for model in models]
    return {
        "score": score,
        "rows": [
            {
                "by": _GROUPINGS[str(rows[0]["by"])],
                "group": rows[0]["group"],
                "photos": rows[0]["photos"],
                "values": [
                    {
                        "value": score.bare(row[name]),
                        "sort": row[name],
                        "interval": f"{score.bare(row[f'{name}_low'])} to "
                        f"{score.bare(row[f'{name}_high'])}",
                    }
                    for row in rows
                ],
            }
            for rows in zip(*tables, strict=True)
        ],
    }


def _curve_figure(model: Model, metric: str) -> dict[str, Any]:
    curve = model.curves[metric]
    units = {name: label for task in CURVES.values() for name, (label, _) in task.items()}
    alternative = (
        f"{_CURVE_TITLES[metric]} of {model.title} by epoch. Training: "
        f"{curve.training[0]:.3g} after the first epoch, {curve.training[-1]:.3g} after the last. "
        f"Validation: {curve.validation[0]:.3g} and {curve.validation[-1]:.3g}."
    )
    label = units.get(metric, "Loss")
    svg = figures.learning_curve(curve.training, curve.validation, label)
    return _figure(svg, _CURVE_TITLES[metric], alternative)


def _scatter_figure(model: Model, place: int) -> dict[str, Any]:
    table = model.plots["ages"]
    slope = table["age"].corr(table["predicted"]) if len(table) > 1 else float("nan")
    return _figure(
        figures.scatter(table, place),
        "Predicted against true age",
        f"Scatter plot of {model.title}’s predicted against true ages; their correlation is "
        f"{slope:.2f}. The dotted line is where they are equal.",
    )


def _comparison_figures(models: Sequence[Model]) -> Iterator[dict[str, Any]]:
    def tables(name: str) -> dict[str, pd.DataFrame]:
        return {model.title: model.plots[name] for model in models}

    def each(task: str, name: str) -> str:
        score = prose.SCORES[task][name]
        return "; ".join(
            f"{model.title} {score.write(model.metrics[task][name])}" for model in models
        )

    if "gender" in models[0].tasks:
        yield _figure(
            figures.roc(tables("roc")),
            "ROC curve",
            f"ROC curves. Area under the curve: {each('gender', 'auc')}. Dotted: chance.",
        )
        yield _figure(
            figures.reliability(tables("reliability")),
            "Reliability of P(female)",
            "Share of women by predicted probability, in ten bins, with 95 % intervals. "
            f"Calibration error: {each('gender', 'calibration_error')}. "
            "On the dotted line, probabilities mean what they say.",
        )
        yield _figure(
            figures.groups(tables("gender_groups"), "accuracy", "Accuracy (share of photos)"),
            "Gender accuracy by gender and race group",
            "Gender accuracy by group with 95 % intervals; the numbers stand in the table of "
            "gender accuracy by group.",
        )
    if "age" in models[0].tasks:
        yield _figure(
            figures.decades(tables("age_groups"), "mae", "MAE (years)"),
            "Age error by decade",
            "Mean absolute error of age by decade of true age with 95 % intervals; the numbers "
            "stand in the table of age MAE by group.",
        )
        yield _figure(
            figures.cumulative(tables("cumulative")),
            "Ages within k years (CS@k)",
            f"Share of photos whose age is at most k years off, for k from 0 to 15, with 95 % "
            f"intervals. At 5 years: {each('age', 'cs5')}.",
        )
        yield _figure(
            figures.groups(tables("age_groups"), "mae", "MAE (years)"),
            "Age error by gender and race group",
            "Mean absolute error of age by group with 95 % intervals; the numbers stand in the "
            "table of age MAE by group.",
        )


def _figure(svg: str, title: str, alternative: str) -> dict[str, Any]:
    # Drawn here, so nothing in it needs escaping.
    return {"svg": Markup(svg), "title": title, "alternative": alternative}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield prefix + name, "null" if value is None else shown
