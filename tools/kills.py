"""Kill a real small pipeline at many random moments, finish it, compare with an undisturbed run.

`python -m tools.kills` runs the pipeline of the working tree in two clones. In one it is left in
peace; in the other `kill -9` ends the stage, DVC or their whole process group, again and again, in
every stage, and whatever was killed is simply started again, as `make repro` starts it. Then all
that the stages wrote is compared, byte by byte. It fails on any difference, on an error that a
person would have to mend, on a killed stage that is still at work when the next one begins, and on
unfinished work that nobody removed. The seed that it prints repeats the draws, though not the
machine's timing.
"""

import argparse
import os
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tools.clones import Clone
from tools.verify import LOCK, Comparison, compare

# Small, but with several epochs to go on behind.
SMALL = {
    "image_size": 32,
    "download": {"sample_images": 80},
    "preprocess": {"shard_records": 16},
    "embed_vgg16": {"batch_size": 2},
    "train_custom": {"epochs": 8, "filters": [4, 8], "dense_units": [8]},
    "train_vgg16": {"epochs": 8, "dense_units": [8]},
    "evaluate": {"bootstrap_samples": 100},
}
# Where DVC is before it runs anything.
START = "(DVC starts)"
# Where DVC writes dvc.lock behind a stage, which takes it about so many seconds.
WRITES = "(DVC writes dvc.lock)"
WRITING = {WRITES: 0.1}
VICTIMS = ("stage", "DVC", "all")
# Nothing here takes so long; a run that does hangs.
_LONGEST = 300.0


@dataclass
class Kill:
    """One kill: in which stage, after how many seconds, of what, and what happened next."""

    stage: str
    seconds: float
    victim: str
    mended: str = ""
    resumed: str = ""


@dataclass
class Disturbed:
    """What came of it: the kills, all outputs compared, and what was left behind."""

    kills: list[Kill]
    outputs: list[Comparison]
    left_behind: list[str]


class Failure(Exception):
    """What a person would have to mend, or what should not be."""


class _Run:
    """A `dvc repro` in ``clone``, whose lines are watched."""

    def __init__(self, clone: Clone) -> None:
        self._process = subprocess.Popen(
            ["dvc", "repro"],
            cwd=clone.path,
            env=clone.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.printed: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def next_line(self, seconds: float) -> str | None:
        """The next line; None at the end.

        Raises:
            queue.Empty: none came in time.
        """
        line = self._lines.get(timeout=max(0.0, seconds))
        if line is not None:
            self.printed.append(line)
        return line

    def end(self) -> int:
        """Wait until DVC has ended; its exit status."""
        return self._process.wait(_LONGEST)

    def kill(self, victim: str) -> tuple[str, list[psutil.Process]]:
        """Kill; returns what was killed, and the other processes of this run."""
        dvc = psutil.Process(self._process.pid)
        below = dvc.children(recursive=True)
        stages = dvc.children()
        if victim == "all":
            os.killpg(self._process.pid, signal.SIGKILL)
        elif victim == "stage" and stages:
            stages[0].kill()
        else:
            victim = "DVC"
            dvc.kill()
        self._process.wait(_LONGEST)
        return victim, below


class Killer:
    """Kills the pipeline in a clone on its way."""

    def __init__(
        self,
        clone: Clone,
        durations: dict[str, float],
        left: Counter[str],
        chance: random.Random,
    ) -> None:
        """Plan kills.

        Args:
            clone: in which nothing has run.
            durations: of each place, in seconds; corrected where a place is left sooner.
            left: how many kills each place is still to have; they are counted down.
            chance: draws moments and victims.
        """
        self.kills: list[Kill] = []
        self._clone = clone
        self._durations = durations
        self._left = left
        self._chance = chance

    def finish(self) -> None:
        """Run the pipeline to its end, with the kills on the way.

        Raises:
            Failure: it did not go on by itself.
        """
        survivors = self._run([])
        while survivors is not None:
            # As `make repro` does.
            self.kills[-1].mended = self._clone.run(sys.executable, "-m", "tools.mend").strip()
            survivors = self._run(survivors)

    def _run(self, survivors: list[psutil.Process]) -> list[psutil.Process] | None:
        """One `dvc repro`; who was left when it was killed, or None if it came to its end."""
        run = _Run(self._clone)
        place, since = START, time.monotonic()
        moment = self._draw(place)
        while True:
            try:
                end = since + (_LONGEST if moment is None else moment)
                line = run.next_line(end - time.monotonic())
            except queue.Empty:
                if moment is None:
                    raise Failure(f"it hangs in {place}:\n{''.join(run.printed)}") from None
                victim, below = run.kill(self._chance.choice(VICTIMS))
                self.kills.append(Kill(place, moment, victim))
                print(f"{place}: {victim} killed after {moment:.2f} s", flush=True)
                self._left[place] -= 1
                return below
            if line is None:
                break
            if "ating lock file" in line and self._left[WRITES] and self._chance.random() < 0.5:
                place, since = WRITES, time.monotonic()
                moment = self._draw(place)
            if "resuming behind" in line and self.kills:
                self.kills[-1].resumed = line.strip()
            if line.startswith("Running stage '"):
                if moment is not None:
                    # It was faster than thought.
                    self._durations[place] *= 0.7
                place, since = line.split("'")[1], time.monotonic()
                moment = self._draw(place)
                if any(_works(process) for process in survivors):
                    raise Failure(f"{place} began while what was killed before it was at work")
        if run.end():
            raise Failure(f"`dvc repro` failed in {place}:\n{''.join(run.printed)}")
        return None

    def _draw(self, place: str) -> float | None:
        """When to kill here, in seconds; None to let it go."""
        others = self._left.total() - self._left[place]
        if not self._left[place] or (place == START and others and self._chance.random() < 0.7):
            return None
        return self._chance.uniform(0, self._durations[place])


def _works(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        # pip ends in its own time; nobody takes what it fetches then.
        return process.status() != psutil.STATUS_ZOMBIE and "pip" not in process.cmdline()
    return False


def measure(clone: Clone) -> dict[str, float]:
    """Run the pipeline in peace; how long each place took, in seconds."""
    run = _Run(clone)
    durations: dict[str, float] = {}
    place, since = START, time.monotonic()
    while (line := run.next_line(_LONGEST)) is not None:
        if line.startswith("Running stage '"):
            now = time.monotonic()
            durations[place] = now - since
            place, since = line.split("'")[1], now
    durations[place] = time.monotonic() - since
    if run.end():
        raise Failure(f"the undisturbed run failed:\n{''.join(run.printed)}")
    return durations


def left_behind(project: Path) -> list[str]:
    """Unfinished work that nobody removed."""
    found = [path for path in (project / "progress").rglob("*") if path.is_file()]
    found += [path for path in (project / "models").iterdir() if path.suffix != ".keras"]
    found += (project / "data").glob("*.p*")
    names = sorted(str(path.relative_to(project)) for path in found)
    return [name for name in names if name not in ("progress/dvc.lock", "models/.gitignore")]


def disturb(folder: Path, each: int, chance: random.Random) -> Disturbed:
    """Run the pipeline in peace and with kills, in clones in ``folder``.

    Args:
        folder: empty.
        each: kills in each stage, and before the first.
        chance: draws moments and victims.

    Raises:
        Failure: a run did not go on by itself.
    """
    calm = _clone(folder, "calm")
    durations = measure(calm) | WRITING
    left = Counter({place: each for place in durations})
    result = Disturbed([], [], [])
    # A stage that ended before its moment had come is killed in another round.
    for number in count(1):
        if not left.total():
            break
        clone = _clone(folder, f"killed{number}")
        killer = Killer(clone, durations, left, chance)
        killer.finish()
        result.kills += killer.kills
        result.outputs += compare(calm.path, clone.path)
        result.left_behind += left_behind(clone.path)
    return result


def _clone(folder: Path, name: str) -> Clone:
    clone = Clone.of_working_tree(folder / name)
    # What pip has fetched for one is there for all.
    clone.env["XDG_CACHE_HOME"] = str(folder / "cache")
    clone.set_parameters(**SMALL)
    (clone.path / LOCK).unlink(missing_ok=True)
    return clone


def main() -> None:
    """Kill, compare, print; fail on any difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=3, help="kills in each stage (default: 3)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the draws")
    arguments = parser.parse_args()
    console = Console()
    console.print(f"Seed {arguments.seed}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = disturb(Path(folder), arguments.each, random.Random(arguments.seed))
        except Failure as failure:
            raise SystemExit(f"error: {failure}") from None
    table = Table("", "stage", "killed", "after, s", "mended", "then")
    for number, kill in enumerate(result.kills, 1):
        table.add_row(
            str(number), kill.stage, kill.victim, f"{kill.seconds:.2f}", kill.mended, kill.resumed
        )
    console.print(table)
    different = [
        f"{output.stage}: {output.path} {' '.join(output.different)}"
        for output in result.outputs
        if output.different
    ]
    console.print(f"{len(result.kills)} kills, {len(result.outputs)} outputs compared")
    console.print("\n".join(["Different:", *different]) if different else "No difference")
    if result.left_behind:
        console.print("\n".join(["Left behind:", *result.left_behind]))
    sys.exit(bool(different or result.left_behind))


if __name__ == "__main__":
    main()
