"""Work on all processor cores, in processes that never outlive the one that started them."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from typing import TypeVar

from agegender.common.errors import UserError
from agegender.common.interrupts import held_back

Task = TypeVar("Task")
Result = TypeVar("Result")

# Chunks per process that are handed out and not yet collected.
_AHEAD = 4


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    chunk: int = 1,
    processes: int | None = None,
) -> Iterator[Result]:
    """The results of ``function`` on each of ``tasks``, in their order, computed on all cores.

    Args:
        function: a module's function, with no state that a task could change for the next.
        tasks: its arguments; they and the results are pickled between processes.
        chunk: how many tasks a process is handed at a time.
        processes: how many work; by default one a core. The results do not depend on it.

    Raises:
        UserError: the system killed a process, for want of memory as a rule.
        Exception: whatever ``function`` raises; then no further task is begun.
    """
    count = processes or available_cores()
    # Ctrl-C is this process's to answer: the others are begun such that it never reaches them.
    # The tracker comes first, since it takes back what is held back.
    resource_tracker.ensure_running()
    with held_back():
        forkserver.ensure_running()
    pool = ProcessPoolExecutor(
        count,
        # Not fork: the threads of other libraries could hold locks that the child inherits.
        mp_context=multiprocessing.get_context("forkserver"),
        initializer=_begin,
    )
    try:
        remaining = iter(tasks)
        waiting: deque[Future[list[Result]]] = deque()
        while True:
            # Some chunks ahead: no process waits for work, and memory does not grow with it.
            while len(waiting) < _AHEAD * count and (some := list(islice(remaining, chunk))):
                waiting.append(pool.submit(_work, function, some))
            if not waiting:
                break
            yield from waiting.popleft().result()
    except BrokenProcessPool:
        raise UserError(
            "a worker process was killed, probably for want of memory; free some and run this again"
        ) from None
    except KeyboardInterrupt:
        # Nobody waits for what they are at.
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _work(function: Callable[[Task], Result], tasks: list[Task]) -> list[Result]:
    return [function(task) for task in tasks]


def _begin() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed parent closes no pool, and its workers would wait for tasks for ever.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
