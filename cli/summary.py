"""``python -m agegender summary``: the layers of a model with the current parameters."""

import argparse

from cli.metrics import print_table
from cli.parameters import read_parameters
from stages.common import process


def summary(arguments: argparse.Namespace) -> None:
    """Print the layers of a model with the current parameters: shape, parameters, trainable."""
    document = read_parameters()
    process.hold_greetings()
    from agegender.custom import network as custom
    from agegender.evaluation.describe import layers, parameter_counts
    from agegender.training.inference import for_export, inference_model
    from agegender.vgg16 import network as vgg16
    from agegender.vgg16.frozen.backbone import Backbone

    process.imports_done()
    size, tasks = document.image_size, document.tasks
    if arguments.model == "custom":
        networks = [
            for_export(custom.build(document.train_custom, size, tasks), number)
            for number in range(document.train_custom.ensemble_size)
        ]
        saved = inference_model(networks, size, document.train_custom, "custom")
    else:
        options = document.train_vgg16
        networks = [
            for_export(vgg16.build(options, size, tasks, weights=None), number)
            for number in range(options.ensemble_size)
        ]
        backbone = Backbone(size, options.unfreeze, weights=None)
        saved = inference_model(networks, size, options, "vgg16", backbone)
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
