"""Compare the two models; write the report, one HTML file, and the models' cards."""

import json
import logging
from pathlib import Path

import pandas as pd
import yaml
from dvc.utils.serialize import load_yaml

from agegender.analysis.comparison import compare
from agegender.analysis.suspicious import suspicious
from agegender.common.files import sha256
from agegender.evaluation.metrics import by_task, write_metrics
from agegender.photos.photos import SPLITS, read_photos
from agegender.report.card import make_card, write_card
from agegender.report.figures import draw
from agegender.report.gallery import choose, faces
from agegender.report.page import Report, render
from agegender.report.parameters import Report as Options
from agegender.report.results import read_json, read_model
from stages.common.stage import Parameters, run, time_record

SPLIT = Path("data/split")
RAW = Path("data/raw")
REPORT = Path("report/index.html")
SUSPECTS = Path("report/suspects.csv")
# A link to dvc.yaml, which DVC does not accept as a dependency.
PLOTS = Path("agegender/report/plots/definitions.yaml")
# The main output of each stage, whose digest finds the record of its time.
OUTPUTS = {
    "download": "data/raw/manifest.csv",
    "download_vgg16": "data/vgg16/vgg16.npz",
    "download_yunet": "data/yunet/yunet.onnx",
    "split": "data/split/train.csv",
    "preprocess": "data/tfrecords/index.json",
    "align": "models/template.json",
    "embed_vgg16": "data/embeddings/index.json",
    "train_custom": "models/custom.keras",
    "train_vgg16": "models/vgg16.keras",
    "evaluate@custom": "predictions/custom.csv",
    "evaluate@vgg16": "predictions/vgg16.csv",
}
# Starts of the names of plots that the page shows of each model, not of both together.
EACH = ("learning_curve", "ages")
# A plot of the page alone, since it is not of the models.
PHOTOS = {
    "template": "agegender/report/plots/photos.json",
    "title": "Ages of all photos",
    "x": "age",
    "x_label": "Age (years)",
    "y": {f"{SPLIT}/{name}.csv": "age" for name in SPLITS},
    "y_label": "Photos",
}
# Of each model: its title, and what a sentence calls it.
MODELS = {"custom": ("Custom CNN", "the custom CNN"), "vgg16": ("VGG16", "VGG16")}


def main() -> None:
    # Declared as a whole, since the page explains each parameter by its comment.
    declared = Parameters("report", load_yaml("params.yaml"))
    options = declared.section("report", Options)
    seed, samples = declared["seed"], declared["evaluate.bootstrap_samples"]

    models = [
        read_model(Path("."), name, title, noun, declared[f"train_{name}"])
        for name, (title, noun) in MODELS.items()
    ]
    differences = compare(models[0].predictions, models[1].predictions, samples, seed)
    write_metrics(Path("metrics/comparison.json"), {"vgg16_minus_custom": by_task(differences)})

    suspects = suspicious({model.name: model.predictions for model in models})
    galleries = {
        model.name: choose(model.predictions, options.gallery_images, seed) for model in models
    }
    shown = {file for rows in galleries.values() for row in rows for file in row.photos["file"]}
    photos = [read_photos(SPLIT / f"{name}.csv").assign(split=name) for name in SPLITS]
    versions = yaml.safe_load(Path("versions.yaml").read_text(encoding="utf-8"))
    digests = {(stage, path): sha256(Path(path)) for stage, path in OUTPUTS.items()}
    plots = yaml.safe_load(PLOTS.read_text(encoding="utf-8"))["plots"]
    plots = {name: plot for each in plots for name, plot in each.items()}
    # The page has a table of the confusion matrix.
    del plots["confusion"]
    own = {name: plots.pop(name) for name in list(plots) if name.startswith(EACH)}
    counts = read_json(Path("metrics/split.json"))
    template = read_json(Path("models/template.json"))
    cards = {
        model.name: make_card(
            model,
            counts,
            declared.values,
            template,
            digests[f"train_{model.name}", f"models/{model.name}.keras"],
        )
        for model in models
    }
    page = render(
        Report(
            models=models,
            cards=cards,
            differences=differences,
            photos=pd.concat(photos),
            rejected=pd.read_csv("data/rejected.csv", keep_default_na=False),
            counts=counts,
            suspects=suspects,
            galleries=galleries,
            faces=faces(RAW, shown, declared["image_size"]),
            parameters=declared.values,
            comments=Path("params.yaml").read_text(encoding="utf-8"),
            versions=versions,
            digests=digests,
            figures=draw({"photos": PHOTOS} | plots),
            model_figures={
                model.name: draw(own, model.name, second=model is models[1]) for model in models
            },
        )
    )
    for name, card in cards.items():
        write_card(Path(f"models/{name}.card.json"), card)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(page, encoding="utf-8")
    suspects.to_csv(SUSPECTS, index=False, lineterminator="\n")
    # Next to the report, and not part of it: times differ where nothing else does.
    times = {
        stage: {"key": digest[:16], **read_json(record)}
        for (stage, _), digest in digests.items()
        if (record := time_record(stage, digest)).is_file()
    }
    REPORT.with_name("timings.js").write_text(
        f"window.timings = {json.dumps(times, indent=2)};\n", encoding="utf-8"
    )
    logging.getLogger(__name__).info("the report: %s", REPORT)


if __name__ == "__main__":
    run(main)
