"""Score a model on the test split, which nothing is chosen by."""

import json
import sys
from pathlib import Path

from agegender.analysis.plot_data import write_plot_data
from agegender.evaluation.describe import layers
from agegender.evaluation.metrics import write_metrics
from agegender.evaluation.parameters import Evaluate
from agegender.evaluation.predict import evaluate, load
from agegender.evaluation.predictions import write_predictions
from agegender.networks.device import enable_determinism
from agegender.photos.records import read_labels, verify
from stages.common.stage import parameters, record_time, run

TFRECORDS = Path("data/tfrecords")


def main() -> None:
    name = sys.argv[1]
    declared = parameters(f"evaluate@{name}")
    options, seed = declared.section("evaluate", Evaluate), declared["seed"]
    enable_determinism(seed)
    model = load(Path(f"models/{name}.keras"))
    training = read_labels(TFRECORDS, "train")
    predictions, metrics = evaluate(model, TFRECORDS, "test", training, options, seed)

    output = Path(f"predictions/{name}.csv")
    write_predictions(output, predictions)
    architecture = json.dumps(layers(model), indent=2)
    Path(f"predictions/{name}.architecture.json").write_text(architecture + "\n", encoding="utf-8")
    write_plot_data(Path(f"plots/{name}"), predictions, options.bootstrap_samples, seed)
    write_metrics(Path(f"metrics/{name}.json"), metrics)
    record_time(f"evaluate@{name}", output)


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
