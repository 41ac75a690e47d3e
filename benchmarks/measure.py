"""Wall-clock time and memory."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil

from tests.clones import Clone

# Looks at a running command's memory.
_INTERVAL = 0.05


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def interleaved(quick: bool, *ways: Callable[[], object], repetitions: int = 3) -> list[float]:
    """The median seconds of each way: a warm-up each, then in turn, A B A B; if quick, once.

    So whatever else the machine does meanwhile slows all of them alike.
    """
    for way in ways:
        way()
    times = [[seconds(way) for way in ways] for _ in range(1 if quick else repetitions)]
    return [median(each) for each in zip(*times, strict=True)]


def peak_memory(clone: Clone, *command: str) -> float:
    """The peak memory, MiB, of a command and its worker processes together, run in ``clone``.

    The peaks of all processes that run at a time are added up; the highest sum counts.

    Raises:
        RuntimeError: the command failed; with all that it printed.
    """
    peak = 0
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        where = {"cwd": clone.path, "env": clone.env, "stdin": subprocess.DEVNULL}
        process = psutil.Popen(command, **where, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None:
            with suppress(psutil.Error, OSError):
                peak = max(peak, sum(map(_peak, [process, *process.children(recursive=True)])))
            time.sleep(_INTERVAL)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{output.read()}")
    return peak / 2**20


def _peak(process: psutil.Process) -> int:
    """Bytes of resident memory at most so far, by Linux's account; elsewhere those of now."""
    # Just forked, it still shows its parent's memory.
    if time.time() - process.create_time() < 2 * _INTERVAL:
        return 0
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 2**10
    return int(process.memory_info().rss)
