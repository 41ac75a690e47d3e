"""Work on all processor cores, in processes that never outlive the one that started them."""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from typing import TypeVar

from agegender.common.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")

# Chunks per process that are handed out and not yet collected.
_AHEAD = 4
# Of a temporary folder's path, in bytes. A socket's has at most 104 with what is added.
_LONGEST = 70


def parallel_map(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    chunk: int = 1,
    processes: int | None = None,
) -> Iterator[Result]:
    """The results of ``function`` on each of ``tasks``, in their order, computed on all cores.

    The first tasks are begun at once. Unlike `ProcessPoolExecutor.map` it takes further ones only
    as results are collected, so memory does not grow with their number.

    Args:
        function: a module's function, without state that a task could change for the next.
        tasks: its arguments; they and the results are pickled between processes.
        chunk: how many tasks a process is handed at a time.
        processes: one per core by default; the results do not depend on it.

    Raises:
        UserError: the system killed a process, usually for want of memory.
        Exception: whatever ``function`` raises; then no further task is begun.
    """
    # macOS knows no affinity.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = processes or cores or 1
    # Ctrl-C is for this process: the others inherit that it is blocked, and so it never reaches
    # them. The tracker is started first, since it would unblock it.
    resource_tracker.ensure_running()
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    temporary = tempfile.gettempdir()
    if len(os.fsencode(temporary)) > _LONGEST:
        tempfile.tempdir = "/tmp"
    try:
        forkserver.ensure_running()
    finally:
        tempfile.tempdir = temporary
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
    # Not fork: the child would inherit locks that other libraries' threads hold.
    context = multiprocessing.get_context("forkserver")
    pool = ProcessPoolExecutor(count, context, initializer=_end_with_parent)
    remaining = iter(tasks)
    chunks = iter(lambda: list(islice(remaining, chunk)), [])
    submitted = (pool.submit(_run, function, some) for some in chunks)
    return _collect(pool, deque(islice(submitted, _AHEAD * count)), submitted)


def _collect(
    pool: ProcessPoolExecutor,
    pending: deque[Future[list[Result]]],
    submitted: Iterator[Future[list[Result]]],
) -> Iterator[Result]:
    try:
        while pending:
            yield from pending.popleft().result()
            pending.extend(islice(submitted, 1))
    except BrokenProcessPool:
        raise UserError(
            "a worker process was killed, probably for want of memory; free some and run this again"
        ) from None
    except KeyboardInterrupt:
        # Without waiting for what they are doing.
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _run(function: Callable[[Task], Result], tasks: list[Task]) -> list[Result]:
    return [function(task) for task in tasks]


def _end_with_parent() -> None:
    """A killed parent closes no pool, and its workers would wait for tasks forever."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
