"""Compare the two models and write the report, one HTML file."""

import json
from pathlib import Path

import pandas as pd
import yaml

from agegender.common.files import sha256
from agegender.evaluation.metrics import compare, listed, write_metrics
from agegender.photos.photos import SPLITS, read_photos
from agegender.report.gallery import choose, faces
from agegender.report.page import Report, render
from agegender.report.parameters import Report as Options
from agegender.report.results import read_json, read_model
from stages.common import timings
from stages.common.stage import parameters, project_root, run

SPLIT = Path("data/split")
RAW = Path("data/raw")
REPORT = Path("report/index.html")
# The file whose digest a stage's record of time is found by.
OUTPUTS = {
    "download": Path("data/raw/manifest.csv"),
    "download_vgg16": Path("data/vgg16/vgg16.npz"),
    "split": Path("data/split/train.csv"),
    "preprocess": Path("data/tfrecords/index.json"),
    "embed_vgg16": Path("data/embeddings/index.json"),
    "train_custom": Path("models/custom.keras"),
    "train_vgg16": Path("models/vgg16.keras"),
    "evaluate@custom": Path("predictions/custom.csv"),
    "evaluate@vgg16": Path("predictions/vgg16.csv"),
}


def main() -> None:
    declared = parameters("report")
    options = declared.section("report", Options)
    seed = declared["seed"]

    custom = read_model(
        Path("."), "custom", "Custom CNN", "the custom CNN", declared["train_custom"]
    )
    vgg16 = read_model(Path("."), "vgg16", "VGG16", "VGG16", declared["train_vgg16"])
    differences = compare(
        custom.predictions, vgg16.predictions, declared["evaluate.bootstrap_samples"], seed
    )
    write_metrics(Path("metrics/comparison.json"), {"vgg16_minus_custom": listed(differences)})

    galleries = {
        model.name: choose(model.predictions, options.gallery_images, seed)
        for model in (custom, vgg16)
    }
    shown = {file for rows in galleries.values() for row in rows for file in row.photos["file"]}
    photos = pd.concat(
        [pd.DataFrame(read_photos(SPLIT / f"{split}.csv")).assign(split=split) for split in SPLITS]
    )
    keys = {stage: timings.key(path) for stage, path in OUTPUTS.items()}
    versions = yaml.safe_load(Path("versions.yaml").read_text(encoding="utf-8"))
    page = render(
        Report(
            models=(custom, vgg16),
            differences=differences,
            photos=photos,
            rejected=pd.read_csv("data/rejected.csv", keep_default_na=False),
            counts=read_json(Path("metrics/split.json")),
            galleries=galleries,
            faces=faces(RAW, shown, declared["image_size"]),
            parameters={k: v for k, v in declared.values.items() if k not in versions},
            versions=versions,
            digests={str(path): sha256(path) for path in OUTPUTS.values()},
            stages=keys,
        )
    )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(page, encoding="utf-8")
    # Beside the report, and not part of it: times differ where nothing else does.
    times = timings.load(project_root() / "timings", keys)
    REPORT.with_name("timings.js").write_text(
        f"window.timings = {json.dumps(times, indent=2)};\n", encoding="utf-8"
    )
    print(f"The report: {REPORT}")


if __name__ == "__main__":
    run(main)
