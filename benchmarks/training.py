"""Line 2: VGG16's head trained on embeddings, against `model.fit` through the frozen base."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, pstdev

import keras
import numpy as np
import tensorflow as tf
from agegender.networks.batches import embeddings

from agegender.photos.records import read_index
from benchmarks import sampling, usual
from benchmarks.embedding import BATCH, embed_anew, frozen
from benchmarks.measure import seconds
from benchmarks.results import Result, bound, same, speedup
from benchmarks.sampling import Photos
from benchmarks.scale import Scale
from benchmarks.workspace import Workspace

TASKS = ["gender", "age"]
SPLITS = ("train", "validation")
# Seconds within which an experiment with the head is to be back.
LIMITS = {False: 60.0, True: 90.0}
DROPOUTS = (0.3, 0.35, 0.45, 0.55)


class Comparison:
    """The two ways of training the same head from the same weights on the same batches."""

    def __init__(self, workspace: Workspace, scale: Scale, folder: Path) -> None:
        self._folder, self._epochs = folder, scale.epochs
        self._records = folder / "trained"
        sampling.part(
            workspace.path / "data/tfrecords",
            self._records,
            train=scale.trained,
            validation=scale.validated,
        )
        self.photos = {split: sampling.load(self._records, split) for split in SPLITS}
        size = self.photos["train"].images.shape[1]
        self._base = frozen(workspace, size)
        self._base.trainable = False
        self.head = usual.vgg16_head(self._base.output_shape[1])
        image = keras.Input((size, size, 3))
        self.whole = usual.compiled(keras.Model(image, self.head(self._base(image))))

    def start(self, seed: int) -> None:
        """Draw the head's weights anew."""
        keras.utils.set_random_seed(seed)
        fresh = usual.vgg16_head(self._base.output_shape[1])
        for variable, drawn in zip(self.head.variables, fresh.variables, strict=True):
            variable.assign(drawn)
        for model in (self.head, self.whole):
            for variable in model.optimizer.variables:
                variable.assign(tf.zeros_like(variable))
            model.optimizer.learning_rate.assign(1e-3)

    def embed(self) -> None:
        """Ours, its first part."""
        for split in SPLITS:
            embed_anew(self._base, self._records, split, self._folder)

    def train_head(self, epochs: int = 0) -> list[float]:
        """Ours, its second part: what validation says in the end."""
        return _fit(self.head, _embedded(self._folder), epochs or self._epochs)

    def train_whole(self, epochs: int = 0) -> list[float]:
        """The usual way: every photo through the frozen base in every epoch."""
        data = [_in_memory(self.photos[split]) for split in SPLITS]
        return _fit(self.whole, data, epochs or self._epochs)


def _embedded(folder: Path, photos: Sequence[int] = (10**9, 10**9)) -> list[tf.data.Dataset]:
    """The embeddings of each split, of its first ``photos``."""
    return [
        embeddings(
            _first(np.load(folder / f"{split}.npy", "r"), count),
            np.load(folder / f"{split}.labels.npy")[:count],
            BATCH,
            TASKS,
        ).map(lambda vectors, labels: (vectors, (labels["gender"], labels["age"])))
        for split, count in zip(SPLITS, photos, strict=True)
    ]


def _first(rows: np.ndarray, count: int) -> np.ndarray:
    """A file as a whole is read as the stage reads it; a part of one is taken into memory."""
    return rows if len(rows) <= count else np.array(rows[:count])


def _in_memory(photos: Photos) -> tf.data.Dataset:
    slices = (photos.images, (photos.gender, photos.age))
    return tf.data.Dataset.from_tensor_slices(slices).batch(BATCH).prefetch(tf.data.AUTOTUNE)


def _fit(model: keras.Model, data: Sequence[tf.data.Dataset], epochs: int) -> list[float]:
    """Validation's gender accuracy and age MAE behind the last epoch."""
    training, validation = data
    history = model.fit(
        training, validation_data=validation, epochs=epochs, shuffle=False, verbose=0
    ).history
    # Keras's names begin with those of the outputs, which differ between the two models.
    return [
        next(
            values[-1]
            for name, values in history.items()
            if name.startswith("val_") and name.endswith(end)
        )
        for end in ("_accuracy", "_mae")
    ]


def measure(workspace: Workspace, scale: Scale, folder: Path) -> list[Result]:
    """The first time, embedding included, and when only the head has changed."""
    comparison = Comparison(workspace, scale, folder)
    comparison.start(0)
    comparison.embed()
    comparison.train_head(1)
    comparison.train_whole(1)
    embedding, head, whole = [], [], []
    ours, theirs = [], []
    few = scale.epochs_slowly
    for seed in range(scale.trainings):
        comparison.start(seed)
        embedding.append(seconds(comparison.embed))
        head.append(seconds(comparison.train_head))
        comparison.start(seed)
        taken = seconds(lambda: theirs.append(comparison.train_whole(few)))
        whole.append(taken * scale.epochs / few)
    for seed in range(scale.trainings + scale.seeds):
        comparison.start(seed)
        ours.append(comparison.train_head(few))
    accuracy, mae = (pstdev(values) for values in zip(*ours, strict=True))
    setting = f"VGG16, {scale.trained} photos, {scale.epochs} epochs"
    scaled = f"fit through the base for {few}, scaled"
    seed_only = f"either way from the same seed, {few} epochs, within a seed's deviation"
    everything = read_index(workspace.path / "data/tfrecords")
    photos = sum(everything[split].records for split in SPLITS)
    stages = workspace.stage_seconds()
    return [
        speedup(
            f"{setting}: the first time, embedding included, against {scaled}",
            *(median(embedding) + median(head), median(whole), "s", 8),
        ),
        speedup(
            f"{setting}: only the head changed, against {scaled}",
            *(median(head), median(whole), "s", 50),
        ),
        speedup(
            f"the first time on all {photos:,} photos: both stages, start-up included, against fit "
            "at the speed of the lines above",
            sum(stages[stage]["seconds"] for stage in ("embed_vgg16", "train_vgg16")),
            median(whole) * photos / (scale.trained + scale.validated),
            "s",
        ),
        same(
            f"validation gender accuracy {seed_only}",
            *(ours[0][0], theirs[0][0], "share", accuracy),
        ),
        same(
            f"validation age MAE {seed_only}",
            *(ours[0][1], theirs[0][1], "years", mae),
        ),
    ]


def precision(workspace: Workspace, scale: Scale, folder: Path) -> list[Result]:
    """What embeddings in bfloat16 do to the metrics of a head, over some seeds."""
    records, half = folder / "to_bfloat16", folder / "bfloat16"
    sampling.part(
        workspace.path / "data/tfrecords",
        records,
        train=scale.embedded_in_half,
        validation=scale.embedded_in_half,
    )
    half.mkdir()
    model = frozen(workspace, read_index(records).image_size, "bfloat16")
    for split in SPLITS:
        embed_anew(model, records, split, half)
    photos = [len(np.load(half / f"{split}.labels.npy")) for split in SPLITS]
    places = {"float32": workspace.path / "data/embeddings", "bfloat16": half}
    scores: dict[str, list[list[float]]] = {name: [] for name in places}
    for seed in range(scale.seeds):
        for name, place in places.items():
            keras.utils.set_random_seed(seed)
            head = usual.vgg16_head(model.output_shape[1])
            scores[name].append(_fit(head, _embedded(place, photos), scale.epochs))
    results = []
    for index, (name, unit) in enumerate((("gender accuracy", "share"), ("age MAE", "years"))):
        whole, rounded = ([each[index] for each in values] for values in scores.values())
        title = f"validation {name} on bfloat16 embeddings against float32, mean of seeds"
        results.append(same(title, mean(rounded), mean(whole), unit, pstdev(whole)))
    return results


def experiments(workspaces: Sequence[Workspace], scale: Scale) -> list[Result]:
    """`dvc exp run` with another dropout, start-up, evaluation and report included."""
    return [_experiment(workspace, scale) for workspace in workspaces if scale.experiments]


def _experiment(workspace: Workspace, scale: Scale) -> Result:
    taken = [
        seconds(
            lambda: workspace.run("dvc", "exp", "run", "-S", f"train_vgg16.dropout={dropout}")  # noqa: B023
        )
        for dropout in DROPOUTS[: scale.experiments]
    ]
    return bound(
        f"dvc exp run -S train_vgg16.dropout=..., {workspace.photos}",
        *(median(taken), "s", LIMITS[workspace.real]),
    )
