"""What long work tells the person who waits for it, on stderr.

In a terminal that is a bar. In a log it is a line every ten seconds and one at the end.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

_LOG_SECONDS = 10.0
_LOG_LINE = "{desc}: {n_fmt} of {total_fmt}{unit} in {elapsed}, {rate_fmt}"
_LOG_LINE_WITHOUT_TOTAL = "{desc}: {n_fmt}{unit} in {elapsed}, {rate_fmt}"


class Progress:
    """How far one piece of work is; ``total`` may be learnt on the way."""

    def __init__(self, total: float | None, what: str, unit: str, scale: bool, done: float) -> None:
        self.total = total
        self.done = done
        self._what = what
        self._unit = unit
        self._scale = scale
        self._initial = done
        self._started = self._shown = time.monotonic()
        self._bar: tqdm | None = None
        if sys.stderr.isatty():
            self._bar = tqdm(
                desc=what,
                total=total,
                unit=unit,
                unit_scale=scale,
                initial=done,
                dynamic_ncols=True,
                file=sys.stderr,
            )

    def advance(self, amount: float = 1) -> None:
        """So much more is done."""
        self.done += amount
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.update(amount)
        elif time.monotonic() - self._shown >= _LOG_SECONDS:
            self._print_line()

    def close(self) -> None:
        """Show the last state; nothing more comes."""
        if self._bar is not None:
            self._bar.close()
        elif self.done > self._initial:
            self._print_line()

    def _print_line(self) -> None:
        self._shown = time.monotonic()
        line = tqdm.format_meter(
            self.done,
            self.total,  # type: ignore[arg-type]
            self._shown - self._started,
            prefix=self._what,
            unit=self._unit,
            unit_scale=self._scale,
            initial=self._initial,
            bar_format=_LOG_LINE_WITHOUT_TOTAL if self.total is None else _LOG_LINE,
        )
        say(line)


def say(line: str) -> None:
    """Print a line about the course of the work."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def transfer(what: str, total: int | None = None, done: int = 0) -> Iterator[Progress]:
    """Show how many bytes have come and how fast.

    Args:
        what: stands before the numbers.
        total: bytes in all, where that is known; else set ``total`` of what this yields.
        done: bytes that were there before.
    """
    progress = Progress(total, what, "B", True, done)
    try:
        yield progress
    finally:
        progress.close()


def track(iterable: Iterable[Item], total: int | None, what: str, unit: str) -> Iterator[Item]:
    """Pass on ``iterable`` and show how far it is.

    Args:
        iterable: the work; an item is done when the next one is asked for.
        total: items in all; None where nobody knows.
        what: stands before the numbers.
        unit: what an item is, in the plural.
    """
    progress = Progress(total, what, f" {unit}", False, 0)
    try:
        for item in iterable:
            yield item
            progress.advance()
    finally:
        progress.close()
