"""``python -m agegender summary``: the layers of a model with the current parameters."""

import argparse
from functools import partial

from agegender.training.parameters import Training
from cli.metrics import print_table
from cli.parameters import read_parameters
from stages.common import process


def summary(arguments: argparse.Namespace) -> None:
    """Print the layers of a model with the current parameters: shape, parameters, trainable."""
    document = read_parameters()
    process.imports_begin()
    from agegender.custom import network as custom
    from agegender.evaluation.describe import layers, parameter_counts
    from agegender.training.inference import for_export, inference_model
    from agegender.vgg16 import network as vgg16
    from agegender.vgg16.frozen.backbone import Backbone

    process.imports_done()
    size, tasks = document.image_size, document.tasks
    options: Training = document.train_custom
    build = partial(custom.build, document.train_custom, size, tasks)
    embed = []
    if arguments.model == "vgg16":
        options = document.train_vgg16
        build = partial(vgg16.build, document.train_vgg16, size, tasks, weights=None)
        embed = [Backbone(size, document.train_vgg16.unfreeze, weights=None)]
    networks = [for_export(build(), number) for number in range(options.ensemble_size)]
    saved = inference_model(networks, size, options, arguments.model, *embed)
    rows = [
        [
            row["name"],
            " x ".join(str(side) for side in row["output_shape"]),
            f"{row['parameters']:,}",
            "yes" if row["trainable"] else ("no" if row["parameters"] else ""),
        ]
        for row in layers(saved)
    ]
    counts = parameter_counts(saved)
    print_table(["layer", "output shape", "parameters", "trainable"], rows)
    frozen = counts["total"] - counts["trainable"]
    print(f"{counts['total']:,} in all, {counts['trainable']:,} trainable, {frozen:,} frozen")
