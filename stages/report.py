"""Compare the two models and write the report, one HTML file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from dvc_render import VegaRenderer

from agegender.analysis.comparison import compare
from agegender.common.files import sha256
from agegender.evaluation.metrics import by_task, write_metrics
from agegender.photos.photos import SPLITS, read_photos
from agegender.report.figures import Figure, svg
from agegender.report.gallery import choose, faces
from agegender.report.page import Report, render
from agegender.report.parameters import Report as Options
from agegender.report.results import Model, read_json, read_model
from agegender.report.settings import redacted, settings
from stages.common import timings
from stages.common.stage import parameters, project_root, run

SPLIT = Path("data/split")
RAW = Path("data/raw")
REPORT = Path("report/index.html")
# A link to dvc.yaml, which DVC does not accept as a dependency.
PLOTS = Path("plots.yaml")
# The main output of each stage, whose digest finds the record of its time.
OUTPUTS = {
    "download": "data/raw/manifest.csv",
    "download_vgg16": "data/vgg16/vgg16.npz",
    "split": "data/split/train.csv",
    "preprocess": "data/tfrecords/index.json",
    "embed_vgg16": "data/embeddings/index.json",
    "train_custom": "models/custom.keras",
    "train_vgg16": "models/vgg16.keras",
    "evaluate@custom": "predictions/custom.csv",
    "evaluate@vgg16": "predictions/vgg16.csv",
}
# Of each model: its title, and what a sentence calls it.
MODELS = {"custom": ("Custom CNN", "the custom CNN"), "vgg16": ("VGG16", "VGG16")}


def main() -> None:
    declared = parameters("report")
    options = declared.section("report", Options)
    seed, samples = declared["seed"], declared["evaluate.bootstrap_samples"]

    models = [
        read_model(Path("."), name, title, noun, declared[f"train_{name}"])
        for name, (title, noun) in MODELS.items()
    ]
    differences = compare(models[0].predictions, models[1].predictions, samples, seed)
    write_metrics(Path("metrics/comparison.json"), {"vgg16_minus_custom": by_task(differences)})

    galleries = {
        model.name: choose(model.predictions, options.gallery_images, seed) for model in models
    }
    shown = {file for rows in galleries.values() for row in rows for file in row.photos["file"]}
    photos = [
        pd.DataFrame(read_photos(SPLIT / f"{name}.csv")).assign(split=name) for name in SPLITS
    ]
    versions = yaml.safe_load(Path("versions.yaml").read_text(encoding="utf-8"))
    values = {name: value for name, value in declared.values.items() if name not in versions}
    digests = {(stage, path): sha256(Path(path)) for stage, path in OUTPUTS.items()}
    plots = yaml.safe_load(PLOTS.read_text(encoding="utf-8"))["plots"]
    plots = {name: plot for each in plots for name, plot in each.items()}
    page = render(
        Report(
            models=models,
            differences=differences,
            photos=pd.concat(photos),
            rejected=pd.read_csv("data/rejected.csv", keep_default_na=False),
            counts=read_json(Path("metrics/split.json")),
            galleries=galleries,
            faces=faces(RAW, shown, declared["image_size"]),
            source=redacted(declared["download.source"]),
            image_size=declared["image_size"],
            seed=seed,
            train_on=declared["train_on"],
            bootstrap_samples=samples,
            parameters=settings(values, Path("params.yaml").read_text(encoding="utf-8")),
            versions=versions,
            digests=digests,
            figures=draw(plots),
            model_figures={model.name: draw(plots, model) for model in models},
        )
    )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(page, encoding="utf-8")
    # Next to the report, and not part of it: times differ where nothing else does.
    keys = {stage: digest[:16] for (stage, _), digest in digests.items()}
    times = timings.load(project_root() / "timings", keys)
    REPORT.with_name("timings.js").write_text(
        f"window.timings = {json.dumps(times, indent=2)};\n", encoding="utf-8"
    )
    print(f"The report: {REPORT}")


def draw(plots: Mapping[str, Any], model: Model | None = None) -> dict[str, Figure]:
    """The plots of dvc.yaml by name, those of one model or those of the data and of both.

    Plots of a task that was not trained have no data. Of curves that are the same, as a loss that
    is the metric, the last one is drawn.
    """
    figures: dict[str, Figure] = {}
    names: dict[tuple[str, ...], str] = {}
    for name, plot in plots.items():
        of_one = name.startswith("learning_curve") or name == "ages"
        # The page has a table of the confusion matrix.
        if of_one == (model is None) or name == "confusion":
            continue
        files = [path for path in plot["y"] if model is None or f"/{model.name}/" in path]
        rows = [row for path in files if Path(path).exists() for row in read(path)]
        if not rows:
            continue
        column = plot["y"][files[0]]
        values = tuple(f"{row[column]:.4}" for row in rows) if of_one else (name,)
        figures.pop(names.get(values, ""), None)
        names[values] = name
        sources = [{"filename": path, "field": column} for path in plot["y"]]
        drawn = VegaRenderer(rows, name, **{**plot, "y": column}, anchors_y_definitions=sources)
        filled = drawn.get_filled_template()
        alternative = f"{plot['title']}: {plot['y_label']} by {plot['x_label']}"
        if model:
            alternative += f" for {model.noun}"
        second = model is not None and model.name == "vgg16"
        figures[name] = Figure(plot["title"], alternative, svg(filled, second))
    return figures


def read(path: str) -> list[dict[str, Any]]:
    """A table of a plot, one row per point, with what DVC adds to it."""
    table = pd.read_csv(path, sep="\t" if path.endswith(".tsv") else ",")
    table = table.assign(rev="workspace", filename=path)
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return rows


if __name__ == "__main__":
    run(main)
