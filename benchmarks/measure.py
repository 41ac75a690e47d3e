"""Clocks and the operating system's accounts."""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

Environment = Mapping[str, str]

# Looks at a child, 20 ms apart, before its memory counts.
_SETTLED = 5


def interleaved(
    repetitions: int,
    *arms: Callable[[], object],
    before: Callable[[], object] = lambda: None,
) -> list[float]:
    """The median seconds of each arm: one warm-up each, then turn by turn, A B A B.

    So whatever else the machine does in the meantime falls on all of them. What is done ``before``
    each turn does not count.
    """
    for arm in arms:
        before()
        arm()
    times: list[list[float]] = [[] for _ in arms]
    for _ in range(repetitions):
        for arm, kept in zip(arms, times, strict=True):
            before()
            kept.append(seconds(arm))
    return [median(kept) for kept in times]


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes by the clock on the wall."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def run(command: Sequence[str], cwd: Path, env: Environment) -> str:
    """Run a command and return what it printed.

    Raises:
        RuntimeError: it failed; with all that it printed.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def peak_memory(command: Sequence[str], cwd: Path, env: Environment) -> float:
    """The peak memory of a command, MiB: that of its process and of its workers, added up.

    A process's peak is the system's own account of it. Where Linux shows the peaks of running
    processes (VmHWM), those of all that live at a time are added up, many times a second, and the
    highest sum counts. Elsewhere what `wait4` tells must do: the peak of the largest process that
    was waited for, or of this one, whose memory it shared before it became another program.

    Raises:
        RuntimeError: the command failed; with all that it printed.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as printed:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        highest = 0.0
        seen: Counter[int] = Counter()
        while True:
            living = _descendants(process.pid)
            seen.update(living)
            # A child that is about to become another program still shows its parent's memory.
            settled = [pid for pid in living if seen[pid] >= _SETTLED or pid == process.pid]
            highest = max(highest, sum(_peak(pid) for pid in settled))
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.02)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            printed.seek(0)
            raise RuntimeError(
                f"{' '.join(command)} ended with {process.returncode}:\n{printed.read()}"
            )
    # Bytes on macOS, KiB elsewhere.
    return highest or usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _descendants(pid: int) -> list[int]:
    """The process itself, its children, theirs and so on, by Linux's account."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        found.append(parent)
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def _peak(pid: int) -> float:
    """A running process's peak of resident memory so far, MiB; 0 where it cannot be told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 2**10
    return 0.0
