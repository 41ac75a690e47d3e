"""Line 1: the frozen layers run once, in the time that the bare arithmetic takes."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from agegender.vgg16.frozen import backbone as vgg16_base
from agegender.vgg16.frozen.embedding import embed
from benchmarks import sampling
from benchmarks.measure import interleaved
from benchmarks.results import Result, overhead, speedup
from benchmarks.scale import Scale
from benchmarks.workspace import Workspace

BATCH = 32

# It warns of functions that are made anew, as each stage does once.
tf.get_logger().setLevel("ERROR")


def frozen(workspace: Workspace, image_size: int, precision: str = "float32") -> keras.Model:
    """VGG16's convolutions with the ImageNet weights and average pooling."""
    weights = vgg16_base.load_weights(workspace.path / "data/vgg16/vgg16.npz")
    return vgg16_base.embedder(vgg16_base.base(image_size, "none", weights, precision), image_size)


def embed_anew(model: keras.Model, records: Path, split: str, target: Path) -> None:
    """Embed a split though it may have been embedded before."""
    for file in target.glob(f"{split}.*"):
        file.unlink()
    embed(model, records, split, target, split, BATCH, say=lambda line: None)


def measure(workspace: Workspace, scale: Scale, folder: Path) -> list[Result]:
    """Embedding against bare forward passes, and bfloat16 against float32."""
    records = folder / "embedded"
    sampling.part(workspace.path / "data/tfrecords", records, train=scale.embedded)
    images = sampling.load(records, "train").images
    models = {
        precision: frozen(workspace, images.shape[1], precision)
        for precision in ("float32", "bfloat16")
    }

    def ours(precision: str) -> None:
        embed_anew(models[precision], records, "train", folder)

    bare = tf.function(lambda batch: models["float32"](batch, training=False))
    batches = [
        tf.constant(images[start : start + BATCH], tf.float32)
        for start in range(0, len(images), BATCH)
    ]

    def theirs() -> None:
        for batch in batches:
            bare(batch).numpy()

    embedding, forward, half = (
        1000 * taken / len(images)
        for taken in interleaved(
            scale.repetitions, lambda: ours("float32"), theirs, lambda: ours("bfloat16")
        )
    )
    vectors = {
        precision: model.predict(images, BATCH, verbose=0) for precision, model in models.items()
    }
    norm = np.linalg.norm(vectors["float32"])
    off = 100 * float(np.linalg.norm(vectors["float32"] - vectors["bfloat16"]) / norm)
    return [
        overhead(
            "embedding, TFRecords to array on disk, against bare forward passes",
            *(embedding, forward, "ms a photo", 1.15),
        ),
        speedup("embedding in bfloat16 against float32", half, embedding, "ms a photo"),
        Result("what bfloat16 changes in the embeddings", off, None, "% of norm", None, None, None),
    ]
