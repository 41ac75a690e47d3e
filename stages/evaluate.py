"""Score a model on the test split, which nothing is chosen by."""

import sys
from pathlib import Path
from typing import Any

from agegender.analysis.corruptions import mean_over_corruptions, score_corruptions
from agegender.analysis.occlusion import occlusion_maps, summarize
from agegender.analysis.parameters import Evaluate
from agegender.analysis.plot_data import write_plot_data
from agegender.common.files import write_json
from agegender.evaluation.describe import layers
from agegender.evaluation.metrics import write_metrics
from agegender.evaluation.predict import evaluate, load, read_images
from agegender.evaluation.predictions import write_predictions
from agegender.networks.device import enable_determinism
from agegender.networks.views import single_view
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
    samples, batch_size = options.bootstrap_samples, options.batch_size
    predictions, metrics = evaluate(model, TFRECORDS, "test", training, samples, batch_size, seed)
    corrupted = {}
    if options.corruption_photos:
        # The order of the records was drawn at random.
        labels = read_labels(TFRECORDS, "test").head(options.corruption_photos)
        images = read_images(TFRECORDS, "test", len(labels))
        corrupted = score_corruptions(model, images, labels, batch_size, samples, seed)
        metrics["corrupted"] = {"n": len(labels), **mean_over_corruptions(corrupted)}
    looks: dict[str, Any] = {"photos": 0}
    if options.occlusion_photos:
        images = read_images(TFRECORDS, "test", options.occlusion_photos)
        looks = summarize(images, occlusion_maps(single_view(model), images, batch_size))

    output = Path(f"predictions/{name}.csv")
    write_predictions(output, predictions)
    for part, content in (("architecture", layers(model)), ("occlusion", looks)):
        write_json(output.with_name(f"{name}.{part}.json"), content)
    write_plot_data(Path(f"plots/{name}"), predictions, samples, seed, corrupted)
    write_metrics(Path(f"metrics/{name}.json"), metrics)
    record_time(f"evaluate@{name}", output)


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
