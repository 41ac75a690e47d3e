"""Where a network is trained: on one device, on several GPUs, or on several machines."""

import logging
import os
import signal
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tensorflow as tf
from pydantic import BaseModel, Field

from agegender.common.errors import UserError
from agegender.training.multi_worker import noticing_lost_machines

logger = logging.getLogger(__name__)

# Bytes of a checkpoint that go over the network at a time.
_PIECE = 2**24


class _Cluster(BaseModel, extra="forbid"):
    worker: list[Annotated[str, Field(pattern=r"^\S+:\d{1,5}$")]]


class _Task(BaseModel):
    type: Literal["worker"]
    index: Annotated[int, Field(ge=0, strict=True)]


class _TFConfig(BaseModel):
    cluster: _Cluster
    task: _Task


def strategy(name: str, work: str) -> tf.distribute.Strategy:
    """The strategy of tf.distribute that a parameter names.

    To be called when TensorFlow is configured and has not run anything yet.

    Args:
        name: ``auto``: several GPUs if there are, else one device; ``mirrored``: all GPUs, or CPU
            devices, of this machine; ``multi_worker``: the machines of TF_CONFIG.
        work: what is to be done, equal on all machines if and only if their work is.

    Raises:
        UserError: TF_CONFIG is missing or wrong, or a machine has other work.
    """
    if name == "multi_worker":
        return _connect(work)
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or len(gpus) > 1:
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def on_several_machines() -> bool:
    """Whether this is called in the scope of `multi_worker`'s strategy."""
    return isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)


def read_from_chief(path: Path) -> bytes:
    """The file's content, empty if there is none; on several machines that of machine 0's file.

    Raises:
        UserError: another machine was lost.
    """
    content = path.read_bytes() if path.exists() else b""
    if not on_several_machines():
        return content
    with noticing_lost_machines():
        return _from_chief(tf.distribute.get_strategy(), content)


def _connect(work: str) -> tf.distribute.Strategy:
    """The strategy of the machines of TF_CONFIG, once all of them are here, see `strategy`."""
    try:
        config = _TFConfig.model_validate_json(os.environ.get("TF_CONFIG", ""))
        count, worker = len(config.cluster.worker), config.task.index
        if worker >= count:
            raise ValueError
    except ValueError:
        raise UserError(
            "strategy: multi_worker needs the environment variable TF_CONFIG, such as "
            '{"cluster": {"worker": ["first:2222", "second:2222"]}, "task": {"type": "worker", '
            '"index": 0}}, with each machine\'s own index'
        ) from None
    logger.info("machine %d of %d: waiting for the others", worker + 1, count)
    # TensorFlow waits without letting Python answer Ctrl-C.
    answer = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        signal.signal(signal.SIGINT, answer)
    if _from_chief(strategy, work.encode()) != work.encode():
        raise UserError(
            "the machines of TF_CONFIG have different work: parameters, code, data or packages are "
            "not the same; bring all to the same commit and data and run the same command"
        )
    return strategy


def _from_chief(strategy: tf.distribute.Strategy, content: bytes) -> bytes:
    def summed(numbers: np.ndarray) -> np.ndarray:
        own = strategy.experimental_distribute_values_from_function(
            lambda context: numbers * (context.replica_id_in_sync_group == 0)
        )
        return np.asarray(strategy.reduce("SUM", own, axis=None))

    length = int(summed(np.array([len(content)], np.int64))[0])
    numbers = np.zeros(length, np.int32)
    own = np.frombuffer(content[:length], np.uint8)
    numbers[: len(own)] = own
    pieces = [summed(numbers[i : i + _PIECE]) for i in range(0, length, _PIECE)]
    return b"".join(piece.astype(np.uint8).tobytes() for piece in pieces)
