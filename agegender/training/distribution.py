"""One process that trains alone, or several GPUs or machines that train the same network.

TensorFlow's engine for it is tf.distribute. Several machines find each other by the environment
variable TF_CONFIG: https://www.tensorflow.org/guide/distributed_training.
"""

import faulthandler
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from agegender.common.errors import UserError
from agegender.training import meeting

# Time for the last machine to come to the stage, and for all to connect once all are there.
MEETING_SECONDS = 600.0
CONNECTING_SECONDS = 120.0
# Of 8 bytes each: how much of a kept state goes over the network in one piece.
_PIECE = 2**23

# What TensorFlow tells where another process is gone, from the connection or from its heartbeats.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class Distribution:
    """This process's part in the training of a network.

    A worker is a process, as a rule one on each machine; a replica is a device of a worker, with a
    copy of the weights. All workers have equally many replicas.

    Attributes:
        strategy: of tf.distribute; None where one process trains on one device.
        worker: the number of this process, from 0.
        workers: how many there are.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy | None = None, worker: int = 0, workers: int = 1
    ) -> None:
        self.strategy = strategy
        self.worker = worker
        self.workers = workers

    @property
    def replicas(self) -> int:
        """Of all workers."""
        return int(self.strategy.num_replicas_in_sync) if self.strategy else 1

    @property
    def own(self) -> range:
        """The numbers of this worker's replicas."""
        count = self.replicas // self.workers
        return range(self.worker * count, (self.worker + 1) * count)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Weights made within are on all replicas, each with what worker 0 draws for it.

        What a worker sets afterwards, it sets on its own replicas alone.

        Raises:
            UserError: another worker was lost.
        """
        if self.strategy is None:
            yield
            return
        with self.noticing(), self.strategy.scope():
            yield

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """Notice where another worker is gone.

        Raises:
            UserError: it is.
        """
        try:
            yield
        except _LOST as error:
            if self.workers == 1:
                raise
            raise _lost(error) from None

    def distributed(self, value: Callable[[int], Any]) -> Any:
        """For `tf.distribute.Strategy.run`: on each own replica its value, by its number."""
        assert self.strategy is not None
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: value(context.replica_id_in_sync_group)
        )

    def wait(self) -> None:
        """Wait until all workers are here.

        Raises:
            UserError: another worker was lost.
        """
        self._sum(np.ones(1, np.int64))

    def furthest(self, content: bytes, how_far: int) -> bytes:
        """The content of the worker that is furthest, the first of them, on all.

        Args:
            content: what this worker has.
            how_far: how far it is.

        Raises:
            UserError: another worker was lost.
        """
        if self.workers == 1:
            return content
        known = np.zeros((self.workers, 2), np.int64)
        known[self.worker] = how_far, len(content)
        known = self._sum(known)
        source = int(known[:, 0].argmax())
        length = int(known[source, 1])
        # The sum of one worker's numbers and the others' zeros.
        numbers = np.zeros(-(-length // 8), np.int64)
        if self.worker == source:
            numbers.view(np.uint8)[:length] = np.frombuffer(content, np.uint8)
        for start in range(0, len(numbers), _PIECE):
            piece = slice(start, start + _PIECE)
            numbers[piece] = self._sum(numbers[piece])
        return numbers.tobytes()[:length]

    def _sum(self, numbers: np.ndarray) -> np.ndarray:
        """The sum over all workers."""
        if self.workers == 1:
            return numbers
        assert self.strategy is not None
        zeros = np.zeros_like(numbers)
        with self.noticing():
            values = self.distributed(
                lambda replica: tf.constant(numbers if replica == self.own[0] else zeros)
            )
            total: np.ndarray = self.strategy.reduce("SUM", values, axis=None).numpy()
        return total


ALONE = Distribution()


def _lost(error: tf.errors.OpError) -> UserError:
    found = re.search(r"aborted by: (.*?)[:\s]*$", error.message, re.MULTILINE)
    reason = found[1] if found else error.message.strip().partition("\n")[0]
    return UserError(
        "another machine of TF_CONFIG was lost; see what it says, then run the same command on all "
        "machines again: training goes on behind the last whole epoch (TensorFlow says: "
        f"{reason or type(error).__name__})"
    )


def join(strategy: str, work: str, say: Callable[[str], None] = print) -> Distribution:
    """Take part in what these parameters want trained.

    To be called when TensorFlow is configured and has not run anything yet.

    Args:
        strategy: ``auto``: several GPUs if there are, else one process on one device, as without
            tf.distribute; ``mirrored``: all GPUs, or CPU devices, of this machine;
            ``multi_worker``: the machines of TF_CONFIG, each with all its GPUs.
        work: what is to be done, equal on all machines if and only if their work is.
        say: prints one line.

    Raises:
        UserError: TF_CONFIG is missing or wrong, a machine does not come, or has other work.
    """
    if strategy == "multi_worker":
        return _join_machines(work, say)
    devices = tf.config.list_physical_devices("GPU")
    if strategy == "mirrored" or len(devices) > 1:
        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return Distribution(tf.distribute.MirroredStrategy([device.name for device in found]))
    return ALONE


def _join_machines(work: str, say: Callable[[str], None]) -> Distribution:
    addresses, worker = _cluster(os.environ.get("TF_CONFIG", ""))
    say(f"worker {worker} of 0 to {len(addresses) - 1}: waiting for the others")
    meeting.meet(addresses, worker, work, MEETING_SECONDS)
    # TensorFlow waits for the others without an end and without letting Python do anything. Who
    # was there a moment ago and is not now is so rare that a silent end will do.
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(CONNECTING_SECONDS, exit=True, file=nowhere)
        try:
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except _LOST as error:
            raise _lost(error) from None
        finally:
            faulthandler.cancel_dump_traceback_later()
    return Distribution(strategy, worker, len(addresses))


def _cluster(text: str) -> tuple[list[str], int]:
    """All workers' addresses, and the number of this one."""
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        addresses, worker = cluster["worker"], task["index"]
        right = (
            set(cluster) == {"worker"}
            and task["type"] == "worker"
            and type(worker) is int
            and worker in range(len(addresses))
            and all(re.fullmatch(r"\S+:\d{1,5}", address) for address in addresses)
        )
    except (ValueError, KeyError, TypeError):
        right = False
    if not right:
        raise UserError(
            "strategy: multi_worker needs the environment variable TF_CONFIG, such as "
            '{"cluster": {"worker": ["first:2222", "second:2222"]}, "task": {"type": "worker", '
            '"index": 0}}, with each machine\'s own index; '
            + (f"it is {text!r}" if text else "it is not set")
        )
    return addresses, worker
