"""The report as one HTML page."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.metrics import LEADING, MIN_GROUP, Gap
from agegender.photos.labels import GENDERS, RACES
from agegender.report import figures, gallery, methods, prose
from agegender.report.gallery import Row
from agegender.report.results import Curve, Model

# So many refused files are listed by name.
_LISTED = 100
# What the source report says of its models, on 500 validation photos.
SOURCE_REPORT = (
    {"model": "Custom CNN", "accuracy": 0.560, "mae": 14.27},
    {"model": "VGG16", "accuracy": 0.758, "mae": 9.77},
)
# Of each learning curve: its title and what its axis says.
_CURVES = {
    "loss": ("Loss", "Loss"),
    "gender_loss": ("Gender loss", "Binary cross-entropy (nats)"),
    "gender_accuracy": ("Gender accuracy", "Accuracy (share of photos)"),
    "age_loss": ("Age loss", "Age loss"),
    "age_mae": ("Age MAE", "MAE (years)"),
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
    environment.filters |= {
        "thousands": lambda number: f"{number:,}",
        "upper_first": prose.capitalised,
        "breakable": _breakable,
        "unit_head": lambda unit: f" ({unit.strip()})" if unit else "",
    }
    page = environment.get_template("page.html").render(_context(report)) + "\n"
    # A number and its percent sign stay on one line.
    return re.sub(r"(?<=\d) (?=%)", "\N{NO-BREAK SPACE}", page)


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
        "summary": prose.verdict(report.differences, first.noun, second.noun),
        "comparison": [
            {
                "score": score,
                "values": [_cell(score, model.metrics[task], name) for model in report.models],
                **_difference(score, report.differences[task][name]),
                "sentence": prose.difference(
                    score, first.noun, second.noun, report.differences[task][name]
                ),
            }
            for task in first.tasks
            for name, score in prose.SCORES[task].items()
        ],
        "figures": list(_comparison_figures(report.models)),
        "groups": [_group_table(report.models, task) for task in first.tasks],
        "cumulative": _cumulative(report) if "age" in first.tasks else None,
        "worst_for_both": [
            prose.worst_for_both(task, [list(_gaps(model, task)) for model in report.models])
            for task in first.tasks
        ],
        "pulls": [words for model in report.models if (words := _pull(model))],
        "min_group": MIN_GROUP,
        "train_on": report.parameters["train_on"],
        "trained_on": sum(
            report.counts["images"][split] for split in report.parameters["train_on"].split("+")
        ),
        "rise": prose.OVERFITTING_RISE,
        "parameters": [(_breakable(name), value) for name, value in _flat(report.parameters)],
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
                "gaps": [
                    {"by": _GROUPINGS[each.by], "words": prose.gap(task, each)}
                    for each in _gaps(model, task)
                ],
                "failing": [
                    prose.failing(task, each, model.plots[f"{task}_groups"].to_dict("records"))
                    for each in _gaps(model, task)
                    if not each.size.is_chance
                ],
                "groups": _all_scores(model, task),
            }
        )
    return {
        "results": model,
        "layers": [{**layer, "name": _breakable(layer["name"])} for layer in model.layers],
        "methods": _methods(report, model),
        "epochs": len(model.curves["loss"].training),
        "training": [(_breakable(name), value) for name, value in _flat(model.training)],
        "curves": [_curve_figure(model, metrics) for metrics in _curves(model)],
        "fitting": prose.fitting(
            model.noun, model.curves["loss"], model.training, report.parameters["train_on"]
        ),
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


def _methods(report: Report, model: Model) -> dict[str, str]:
    """What was built and how it was trained, in words."""
    training, loss = model.training, model.curves["loss"]
    embedding = report.parameters["embed_vgg16"] if model.name == "vgg16" else None
    network = methods.vgg16_network if model.name == "vgg16" else methods.custom_network
    changes = methods.changes(training, embedding)
    return {
        "network": network(model.tasks, training),
        "counting": methods.counting(model.layers),
        "optimizer": methods.optimizer(training),
        "loss": methods.loss(model.tasks, training),
        "changes": changes,
        "arithmetic": methods.arithmetic(training, embedding),
        "kept": methods.kept(training, loss),
        "comparing": methods.comparing(
            training, bool(changes), model.tasks, report.parameters["train_on"]
        ),
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


def _gaps(model: Model, task: str) -> Iterator[Gap]:
    for row in model.plots[f"{task}_gaps"].to_dict("records"):
        size = Estimate(row["gap"], row["gap_low"], row["gap_high"])
        yield Gap(str(row["by"]), str(row["best"]), str(row["worst"]), size)


def _pull(model: Model) -> str | None:
    if "age" not in model.tasks:
        return None
    return prose.towards_the_middle(model.noun, model.plots["age_groups"].to_dict("records"))


def _breakable(name: str) -> str:
    """A name from code, with places where a narrow page may break it."""
    return name.replace(".", ".\N{ZERO WIDTH SPACE}").replace("_", "_\N{ZERO WIDTH SPACE}")


def _group_table(models: Sequence[Model], task: str) -> dict[str, Any]:
    name = LEADING[task][0]
    score = prose.SCORES[task][name]
    tables = [model.plots[f"{task}_groups"].to_dict("records") for model in models]
    return {
        "score": score,
        "rows": [
            {**_group(rows[0]), "values": [_cell(score, row, name) for row in rows]}
            for rows in zip(*tables, strict=True)
        ],
    }


def _all_scores(model: Model, task: str) -> dict[str, Any]:
    """Every score of one model by group."""
    scores = prose.SCORES[task]
    return {
        "scores": list(scores.values()),
        "rows": [
            {**_group(row), "values": [_cell(score, row, name) for name, score in scores.items()]}
            for row in model.plots[f"{task}_groups"].to_dict("records")
        ],
    }


def _group(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "by": _GROUPINGS[str(row["by"])],
        "group": prose.span(str(row["group"])),
        "photos": row["photos"],
    }


def _cell(score: prose.Score, row: Mapping[Any, Any], name: str) -> dict[str, Any]:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return {
        "value": score.bare(row[name]),
        "sort": row[name],
        "interval": ""
        if low is None or math.isnan(low)
        else f"{score.bare(low)} to {score.bare(high)}",
    }


def _cumulative(report: Report) -> list[dict[str, Any]]:
    """CS@k of both models, and its difference, by k."""
    score = prose.Score("CS@k", 1, "", "", 1, True)
    # Of shares, as the metrics have it; the plots have percent.
    points = prose.SCORES["age"]["cs5"]
    tables = [model.plots["cumulative"].to_dict("records") for model in report.models]
    return [
        {
            "k": int(rows[0]["k"]),
            "values": [_cell(score, row, "percent") for row in rows],
            **_difference(points, report.differences["age"][f"cs{int(rows[0]['k'])}"]),
        }
        for rows in zip(*tables, strict=True)
    ]


def _difference(score: prose.Score, estimate: Estimate) -> dict[str, Any]:
    """The cell of a difference."""
    return {
        "sort": estimate.value,
        "difference": score.bare_difference(estimate.value),
        "interval": score.bare_range(estimate.low, estimate.high),
        "chance": estimate.is_chance,
    }


def _curves(model: Model) -> list[list[str]]:
    """The learning curves, those together that are the same: a task's loss may be its metric."""
    together: list[list[str]] = []
    for metric, curve in model.curves.items():
        same = next((each for each in together if _same(model.curves[each[0]], curve)), None)
        if same:
            same.append(metric)
        else:
            together.append([metric])
    return together


def _same(first: Curve, second: Curve) -> bool:
    return all(
        math.isclose(a, b, rel_tol=1e-5)
        for a, b in zip(
            first.training + first.validation, second.training + second.validation, strict=True
        )
    )


def _curve_figure(model: Model, metrics: Sequence[str]) -> dict[str, Any]:
    # Of curves that are the same, the last one's axis has the unit.
    curve, label = model.curves[metrics[-1]], _CURVES[metrics[-1]][1]
    if metrics[-1] == "age_loss":
        label += " (years)" if model.training.get("age_head", "linear") == "linear" else " (nats)"
    first, *others = (_CURVES[metric][0] for metric in metrics)
    title = (
        f"{first}, which is the {' and '.join(map(prose.uncapitalised, others))}"
        if others
        else first
    )
    if metrics[0] == "loss" and not others:
        together = len(model.tasks) > 1
        title = "Loss of both tasks together" if together else "Loss that training minimises"
    alternative = (
        f"{title}, of {model.noun} by epoch. Training: "
        f"{curve.training[0]:.3g} after the first epoch, {curve.training[-1]:.3g} after the last. "
        f"Validation: {curve.validation[0]:.3g} and {curve.validation[-1]:.3g}."
    )
    return _figure(
        figures.learning_curve(curve.training, curve.validation, label), title, alternative
    )


def _scatter_figure(model: Model, place: int) -> dict[str, Any]:
    table = model.plots["ages"]
    slope = table["age"].corr(table["predicted"]) if len(table) > 1 else float("nan")
    return _figure(
        figures.scatter(table, place),
        "Predicted against true age",
        f"Scatter plot of {model.noun}’s predicted against true ages; their correlation is "
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
            "Share of women by predicted probability, in ten bins, with 95 % intervals; the more "
            "photos in a bin, the larger its mark. "
            f"Calibration error: {each('gender', 'calibration_error')}. "
            "On the dotted line, probabilities mean what they say.",
        )
        yield _figure(
            figures.decades(tables("gender_groups"), "accuracy", "Accuracy (share of photos)"),
            "Gender accuracy by decade",
            "Gender accuracy by decade of true age with 95 % intervals; the numbers stand in the "
            "table of gender accuracy by group.",
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
            figures.groups(tables("age_groups"), "mae", "MAE (years)"),
            "Age error by gender and race group",
            "Mean absolute error of age by group with 95 % intervals; the numbers stand in the "
            "table of age MAE by group.",
        )
        yield _figure(
            figures.cumulative(tables("cumulative")),
            "Ages within k years (CS@k)",
            f"Share of photos whose age is at most k years off, for k from 0 to 15, with 95 % "
            f"intervals. At 5 years: {each('age', 'cs5')}.",
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
            yield prefix + name, ", ".join(map(_written, value if _many(value) else [value]))


def _many(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0


def _written(value: Any) -> str:
    """A parameter's value as params.yaml has it."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)
