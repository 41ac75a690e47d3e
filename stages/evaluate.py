"""Score a model on the test split, which nothing is chosen by."""

import json
import sys
from pathlib import Path

import pandas as pd

from agegender.evaluation.metrics import as_metrics, baseline, evaluate, write_metrics
from agegender.evaluation.parameters import Evaluate
from agegender.evaluation.plot_data import write_plot_data
from agegender.evaluation.predictions import write_predictions
from agegender.photos.photos import read_photos
from agegender.photos.records import verify
from stages.common.stage import parameters, record_time, run

TFRECORDS = Path("data/tfrecords")
TRAINING = Path("data/split/train.csv")


def main() -> None:
    from agegender.evaluation.describe import layers, parameter_counts
    from agegender.evaluation.predict import load, predict

    name = sys.argv[1]
    declared = parameters(f"evaluate@{name}")
    options = declared.section("evaluate", Evaluate)
    model = load(Path(f"models/{name}.keras"))

    predictions = predict(model, TFRECORDS, "test", options.batch_size)
    scores = evaluate(predictions, options.bootstrap_samples, declared["seed"])
    always = baseline(pd.DataFrame(read_photos(TRAINING)))

    output = Path(f"predictions/{name}.csv")
    write_predictions(output, predictions)
    architecture = json.dumps(layers(model), indent=2)
    Path(f"predictions/{name}.architecture.json").write_text(architecture + "\n", encoding="utf-8")
    write_plot_data(Path(f"plots/{name}"), predictions, scores)
    counts = parameter_counts(model)
    write_metrics(Path(f"metrics/{name}.json"), as_metrics(scores, predictions, always, counts))
    record_time(f"evaluate@{name}", output)


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
