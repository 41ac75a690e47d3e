"""Training the custom CNN with fused batch normalization, against Keras's own."""

import tensorflow as tf

from agegender.custom.network import build
from agegender.custom.parameters import TrainCustom
from agegender.networks.device import enable_determinism
from agegender.training.inference import for_export
from benchmarks.feeding import compiled, repeated
from benchmarks.measure import interleaved
from benchmarks.photos import parameters
from benchmarks.results import Result, speed
from benchmarks.sizes import Sizes
from tests.clones import Clone


def measure(clone: Clone, sizes: Sizes) -> list[Result]:
    """Steps on one batch in memory; what is exported has Keras's own layers."""
    given = parameters()
    options = TrainCustom.parse(given["train_custom"] | {"batch_normalization": True})
    enable_determinism(1, options.intra_op_threads)
    size, image_size = options.batch_size, parameters(clone.path)["image_size"]
    images = tf.random.uniform((size, image_size, image_size, 3), maxval=255)
    labels = {task: tf.ones((size, 1)) for task in given["tasks"]}
    data = repeated((images, labels), max(1, sizes.fed // size // 2))

    fused = build(options, image_size, given["tasks"])
    models = [compiled(each, options, given["tasks"]) for each in (fused, for_export(fused))]
    ours, theirs = interleaved(
        sizes.repetitions,
        *(lambda model=model: model.fit(data, shuffle=False, verbose=0) for model in models),
    )
    name = "custom CNN's training with fused batch normalization, against Keras's own"
    return [speed(name, ours, theirs, "s", 1)]
