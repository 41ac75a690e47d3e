"""What both training stages do around their networks: from declared parameters to outputs."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import keras
import pandas as pd
import tensorflow as tf
from dvclive import Live

from agegender.common.errors import UserError
from agegender.common.resumable import resumable_folder
from agegender.evaluation.metrics import write_metrics
from agegender.evaluation.predict import evaluate, load
from agegender.networks.device import device_names, enable_determinism, warn_if_unsupported
from agegender.photos.photos import count_labels
from agegender.photos.records import read_labels
from agegender.training.callbacks import Epoch
from agegender.training.inference import Embed, inference_model
from agegender.training.objective import CURVES, Objective, age_weights
from agegender.training.parameters import Training
from agegender.training.saving import save
from agegender.training.strategy import strategy
from agegender.training.training import Batches, MakeOptimizer, saved_state, train_ensemble
from stages.common import unfinished
from stages.common.stage import Parameters, project_root, record_time, when_interrupted

logger = logging.getLogger(__name__)

TFRECORDS = Path("data/tfrecords")
# How the validation split is scored: choices are made by it, and by `evaluate`'s test split none.
SAMPLES, BATCH_SIZE = 1000, 32


def prepare(declared: Parameters, options: Training) -> int:
    """Set TensorFlow up for a reproducible training, before anything runs; the seed."""
    seed = options.seed_or(declared["seed"])
    enable_determinism(seed, options.intra_op_threads)
    warn_if_unsupported(options.precision)
    return seed


def train_and_save(
    name: str,
    declared: Parameters,
    options: Training,
    build: Callable[[float], keras.Model],
    batches: Batches,
    validation: Callable[[], tf.data.Dataset],
    embed: Callable[[], Embed] = lambda: lambda image: image,
    make_optimizer: MakeOptimizer | None = None,
) -> None:
    """Train the networks of a model, save it, and score it on the validation split.

    Args:
        name: of the model, ``custom`` or ``vgg16``.
        declared: the stage's parameters.
        options: its section.
        build: makes an untrained network, given the training photos' median age.
        batches: see `train_ensemble`.
        validation: makes the dataset of validation data.
        embed: makes the frozen layers, see `inference_model`.
        make_optimizer: see `train`.
    """
    stage, tasks, train_on = f"train_{name}", declared["tasks"], declared["train_on"]
    output, curves = Path(f"models/{name}.keras"), Path(f"plots/training/{name}")
    key = unfinished.key(stage, declared)
    # The checkpoints stay until all outputs are written.
    with resumable_folder(project_root() / "progress" / stage, key) as folder:
        when_interrupted(partial(saved_state, folder, options.ensemble_size))
        for split in (train_on, "validation"):
            check_labels(read_labels(TFRECORDS, split), tasks, split)
        ages = read_labels(TFRECORDS, train_on)["age"]
        objective = Objective(tasks, options, age_weights(ages.to_numpy(), options.balance))
        with (
            strategy(options.strategy, f"{stage} {key}").scope(),
            # dvc.yaml and experiments stay DVC's matter.
            Live(str(curves), dvcyaml=None, save_dvc_exp=False, monitor_system=False) as live,
        ):
            networks, histories = train_ensemble(
                partial(build, float(ages.median())),
                batches,
                validation(),
                objective,
                options.seed_or(declared["seed"]),
                folder,
                partial(_log, live),
                make_optimizer,
            )
            save(inference_model(networks, declared["image_size"], options, name, embed()), output)
        # Without curves of a task that was not trained, `dvc plots` reports errors.
        for task in CURVES.keys() - set(tasks):
            for split, curve in product(("train", "validation"), CURVES[task]):
                path = curves / f"plots/metrics/{split}/{curve}.tsv"
                path.write_text(f"step\t{curve}\n", encoding="utf-8")
        # As it was saved, and in no strategy's scope.
        labels, seed = read_labels(TFRECORDS, "train"), declared["seed"]
        model = load(output)
        _, scores = evaluate(model, TFRECORDS, "validation", labels, SAMPLES, BATCH_SIZE, seed)
        write_metrics(Path(f"metrics/validation/{name}.json"), scores)
    if train_on != "train":
        logger.warning(
            "metrics/validation/%s.json is of photos that were trained on: to choose by it, set "
            "train_on: train",
            name,
        )
    earlier = sum(second for each in histories for second in each.seconds[: each.resumed])
    seconds = [second for history in histories for second in history.seconds]
    record_time(stage, output, earlier, device_names(), epoch_seconds=seconds)


def check_labels(labels: pd.DataFrame, tasks: Sequence[str], split: str) -> None:
    """Tell how many photos have the labels of the tasks, where that is not all of them.

    Raises:
        UserError: none has.
    """
    for task in tasks:
        known = int(labels[task].notna().sum())
        if not known:
            raise UserError(
                f"the {task} of no photo in the {split} split is known; leave it out of `tasks` in "
                "params.yaml, or give photos with it"
            )
        if known < len(labels):
            logger.info("%s: the %s of %d of %d photos is known", split, task, known, len(labels))
    if "age" in tasks and (ranges := count_labels(labels)["age_range"]):
        logger.info("%s: the age of %d of %d photos is a range", split, ranges, len(labels))


def _log(live: Live, epoch: Epoch) -> None:
    """Write one epoch's values where DVC and its extensions see them live."""
    for split, values in epoch.items():
        for name, value in values.items():
            live.log_metric(f"{split}/{name}", value)
    live.next_step()
