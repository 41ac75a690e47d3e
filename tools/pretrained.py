"""Make pretrained/ from the custom CNN that the pipeline has trained: python -m tools.pretrained.

The folder is committed, and `python -m agegender predict` uses it where the pipeline has not
trained on photos of people. Run this in the project's folder after

    dvc exp run -S download.source=PATH $(python -m agegender recipe best)

where PATH is an archive of UTKFace.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import yaml

from agegender.analysis.writing import write, write_interval
from agegender.common.errors import UserError
from agegender.common.files import sha256
from agegender.evaluation.describe import parameter_counts
from agegender.evaluation.metrics import metrics
from agegender.evaluation.predict import load, predict
from agegender.evaluation.scores import SCORES
from agegender.export.formats import round_weights, write_model
from agegender.faces.template import FILE, read_template
from agegender.photos.records import read_labels
from agegender.prediction.predictor import DETECTOR
from agegender.report.card import ExportedFile, read_card

MODELS, TFRECORDS, FOLDER = Path("models"), Path("data/tfrecords"), Path("pretrained")
# So that a clone of the project stays small.
MAX_BYTES = 4_500_000
CARD = Path(__file__).with_name("pretrained.md")


def main() -> None:
    """Write pretrained/."""
    parser = argparse.ArgumentParser("python -m tools.pretrained", description=__doc__)
    parser.add_argument(
        "--command",
        default="dvc exp run -S download.source=PATH $(python -m agegender recipe best)",
        help="that trained the model, for the card",
    )
    arguments = parser.parse_args()
    try:
        make(arguments.command)
    except UserError as error:
        raise SystemExit(f"error: {error}") from None


def make(command: str) -> None:
    """Write pretrained/, and its card with the test metrics of the model as it is there.

    Raises:
        UserError: the model is too large, or its template is no use.
    """
    if not read_template(MODELS / FILE).usable:
        raise UserError(f"{MODELS / FILE} says too little of how to crop photos")
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "custom.keras"
    model = load(MODELS / "custom.keras")
    round_weights(model)
    write_model(model, path, "keras", "float16")
    if (size := path.stat().st_size) > MAX_BYTES:
        path.unlink()
        raise UserError(f"{path} would have {size:,} bytes, more than {MAX_BYTES:,}")
    for name in (FILE, DETECTOR):
        shutil.copyfile(MODELS / name, FOLDER / name)
    # With the digest of the rounded model, by which `export` knows that the card is the model's.
    packed = ExportedFile(
        name=path.name,
        form="keras",
        weights="float16",
        views="all",
        sha256={path.name: sha256(path)},
        differences={},
    )
    card = read_card(MODELS / "custom.card.json").model_copy(update={"file": packed})
    written = card.model_dump_json(indent=2) + "\n"
    (FOLDER / "custom.card.json").write_text(written, encoding="utf-8")
    (FOLDER / "README.md").write_text(_card(path, command), encoding="utf-8")
    print(f"{path}: {size:,} bytes")


def _card(path: Path, command: str) -> str:
    parameters = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    options = parameters["evaluate"]
    model = load(path)
    training = read_labels(TFRECORDS, parameters["train_on"])
    predictions = predict(model, TFRECORDS, "test", options["batch_size"])
    measured = metrics(
        predictions,
        read_labels(TFRECORDS, "train"),
        parameter_counts(model),
        options["bootstrap_samples"],
        parameters["seed"],
    )
    return CARD.read_text(encoding="utf-8").format(
        training=len(training),
        parameters=measured["parameters"]["total"],
        n=measured["n"],
        scores="\n".join(_rows(measured)),
        command=command,
    )


def _rows(measured: dict[str, Any]) -> list[str]:
    found = []
    for score in SCORES:
        task = measured.get(score.task, {})
        if (value := task.get(score.name)) is not None:
            low, high = (task.get(f"{score.name}_{end}") for end in ("low", "high"))
            interval = write_interval(score, low, high)
            shown = write(score, value) + (f" ({interval})" if interval else "")
            found.append(f"| {score.title} | {shown} |")
    return found


if __name__ == "__main__":
    main()
