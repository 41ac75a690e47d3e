"""Training a network, or an ensemble of them, with Keras's compile and fit."""

import gc
import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf

from agegender.networks.datasets import EpochNumber, Stream, generator
from agegender.training import multi_worker
from agegender.training.callbacks import Checkpoint, EarlyStopping, Epoch, History, saved_epochs
from agegender.training.inference import for_export
from agegender.training.objective import Objective
from agegender.training.optimizer import optimizer
from agegender.training.strategy import on_several_machines, read_from_chief

logger = logging.getLogger(__name__)

# The training data, by the seed of a network, in the epoch that begins.
Batches = Callable[[int, EpochNumber], tf.data.Dataset]
# What trains a network, given the number of steps per epoch.
MakeOptimizer = Callable[[keras.Model, int], keras.optimizers.Optimizer]


def train(
    model: keras.Model,
    dataset: tf.data.Dataset,
    validation: tf.data.Dataset,
    objective: Objective,
    epoch: EpochNumber,
    checkpoint: Path,
    on_epoch: Callable[[Epoch], None] = lambda values: None,
    make_optimizer: MakeOptimizer | None = None,
) -> History:
    """Train a network with Adam.

    A later call with the same checkpoint goes on after the last whole epoch and ends in the same
    weights as one that was never interrupted.

    Args:
        model: made in the scope in which this is called, see `strategy`.
        dataset: batches of training data; a function of ``epoch``.
        validation: batches of validation data.
        objective: what the model is trained for; its options are those of training.
        epoch: the epoch that begins.
        checkpoint: the file of unfinished training.
        on_epoch: called with the values of each epoch, those of a resumed run included.
        make_optimizer: of the optimizer; None for `optimizer`'s of the options.

    Raises:
        UserError: another machine was lost.
    """
    options, steps = objective.options, int(dataset.cardinality())
    model.compile(
        optimizer=make_optimizer(model, steps) if make_optimizer else optimizer(options, steps),
        loss=objective.losses(),
        loss_weights=objective.weights(),
        metrics=objective.metrics(),
        jit_compile=False,
    )
    # Now, since the checkpoint may have values of its variables.
    model.optimizer.build(model.trainable_variables)
    begin_epoch = keras.callbacks.LambdaCallback(on_epoch_begin=epoch.set)
    swap = [keras.callbacks.SwapEMAWeights()] if options.ema_momentum else []
    early_stopping = EarlyStopping(options, *swap)
    content = read_from_chief(checkpoint)
    backup = Checkpoint(checkpoint, content, objective.tasks, early_stopping, on_epoch)
    resumed = backup.history.resumed
    if resumed:
        logger.info("resuming after epoch %d", resumed)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1:
        dataset, validation = (_for_replicas(each, replicas) for each in (dataset, validation))
    # A progress bar in a terminal; the checkpoint logs a line per epoch.
    fit = partial(model.fit, shuffle=False, verbose=int(sys.stdout.isatty()))
    if on_several_machines():
        fit = partial(multi_worker.fit, model, objective)
    fit(
        dataset,
        validation_data=validation,
        epochs=resumed if backup.is_over else options.epochs,
        initial_epoch=resumed,
        callbacks=[begin_epoch, *swap, early_stopping, backup],
    )
    if len(backup.history.epochs) < options.epochs:
        best = early_stopping.best_epoch + 1
        logger.info("stopped early: no lower validation loss since epoch %d", best)
    return backup.history


def train_ensemble(
    build: Callable[[], keras.Model],
    batches: Batches,
    validation: tf.data.Dataset,
    objective: Objective,
    seed: int,
    folder: Path,
    on_epoch: Callable[[Epoch], None],
    make_optimizer: MakeOptimizer | None = None,
) -> tuple[list[keras.Model], list[History]]:
    """Train ``ensemble_size`` networks one after the other, each by a seed of its own, see `train`.

    Args:
        build: makes an untrained network.
        batches: the training data.
        validation: see `train`, as what is not named here.
        objective: its options have the number of networks.
        seed: of the first network; the others' are drawn from it.
        folder: of the checkpoints, one per network.
        on_epoch: called with the values of the first network's epochs.

    Returns:
        The trained networks, ready for `inference_model`, and what the training of each measured.
    """
    networks, histories, size = [], [], objective.options.ensemble_size
    for number in range(size):
        own = int(generator(seed, number, Stream.NETWORK).integers(2**31)) if number else seed
        # Whatever was drawn for an earlier network, or was not since it is trained already.
        keras.utils.set_random_seed(own)
        if size > 1:
            logger.info("network %d of %d", number + 1, size)
        model, epoch, checkpoint = build(), EpochNumber(), _checkpoint(folder, number)
        report = (lambda values: None) if number else on_epoch
        dataset = batches(own, epoch)
        histories.append(
            train(model, dataset, validation, objective, epoch, checkpoint, report, make_optimizer)
        )
        networks.append(for_export(model, number))
        # Network, optimizer and averages, three times the weights, refer to each other in cycles.
        del model
        gc.collect()
    return networks, histories


def _for_replicas(dataset: tf.data.Dataset, replicas: int) -> tf.data.Dataset:
    """Without a last batch of fewer photos than replicas: some operations fail on an empty one."""
    return dataset.filter(lambda photos, labels: tf.shape(photos)[0] >= replicas)


def saved_state(folder: Path, ensemble_size: int) -> str:
    """How far the unfinished training in ``folder`` is, for people; empty if nothing is saved."""
    for number in reversed(range(ensemble_size)):
        if epochs := saved_epochs(_checkpoint(folder, number)):
            of_which = f" of network {number + 1}" if ensemble_size > 1 else ""
            return f"training is saved after epoch {epochs}{of_which}"
    return ""


def _checkpoint(folder: Path, number: int) -> Path:
    return folder / f"network{number + 1}.npz"
