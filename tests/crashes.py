"""kill -9 at random moments: of a stage, of DVC, or of both with all that they started."""

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from tests.clones import Clone


def finish(clone: Clone, chance: random.Random, kills: int, seconds: float) -> int:
    """Run `dvc repro` again and again until it ends by itself; returns how often it was killed.

    Args:
        clone: where it runs.
        chance: draws moments and victims.
        kills: after so many it is left in peace.
        seconds: the longest that a run is left in peace before.
    """
    killed = 0
    while True:
        with tempfile.TemporaryFile("w+") as log:
            run = subprocess.Popen(
                ["dvc", "repro"],
                cwd=clone.path,
                env=clone.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = run.wait(chance.uniform(1, seconds) if killed < kills else 600)
            except subprocess.TimeoutExpired:
                assert killed < kills, f"it hangs:\n{_text(log)}"
                _kill(run, chance.choice(["a stage", "DVC", "all"]))
                killed += 1
                continue
            if status == 0:
                return killed
            printed = _text(log)
        # DVC writes these two in place, and git has the one, nobody needs the other.
        damaged = next((name for name in ("dvc.lock", "rwlock") if f"{name}'" in printed), None)
        assert damaged, printed
        for path in (clone.path / "dvc.lock", clone.path / ".dvc/tmp/rwlock"):
            path.unlink(missing_ok=True)


def _kill(run: subprocess.Popen, victim: str) -> None:
    """Kill, and wait until nothing that DVC had started is at work."""
    started = psutil.Process(run.pid).children(recursive=True)
    if victim == "all":
        os.killpg(run.pid, signal.SIGKILL)
    elif victim == "a stage" and started:
        with suppress(psutil.NoSuchProcess):
            started[0].kill()
    else:
        run.kill()
    run.wait(60)
    wait_until(lambda: not any(at_work(process) for process in started))


def at_work(process: psutil.Process) -> bool:
    """Whether it still runs."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until ``condition`` is true, and fail if that takes longer than anything that works."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def left_behind(project: Path) -> list[str]:
    """Unfinished work that nobody removed."""
    found = [path for path in (project / "progress").rglob("*") if path.is_file()]
    found += [*project.glob("*/*.partial"), *project.glob("*/*.previous"), *project.glob("*/*.tmp")]
    return sorted(str(path.relative_to(project)) for path in found)


def _text(log: IO[str]) -> str:
    log.seek(0)
    return log.read()
