"""How far long work is: tqdm's bar in a terminal, a quiet line every ten seconds in a log."""

import io
import logging
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

logger = logging.getLogger(__name__)

LOG_SECONDS = 10.0


class _LogLines(tqdm):
    """A bar that logs lines, the last one at the end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options |= {"mininterval": LOG_SECONDS, "miniters": 1, "file": io.StringIO()}
        super().__init__(*arguments, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Log how far it is, instead of drawing it."""
        of_total = "" if self.total is None else " of {total_fmt}"
        self.bar_format = f"{{desc}}: {{n_fmt}}{of_total}{{unit}} in {{elapsed}}, {{rate_fmt}}"
        if self.n > self.initial:
            logger.info(str(self))


def progress_bar(
    iterable: Iterable[Any] | None = None, *, desc: str, unit: str, total: float | None = None
) -> tqdm:
    """Iterate over ``iterable`` and show on stderr how far it is; ``unit`` is its items' plural.

    An item is done when the next one is asked for. ``total`` may be unknown.
    """
    return _bar(iterable=iterable, desc=desc, unit=f" {unit}", total=total)


def byte_bar(desc: str, total: int | None = None, initial: int = 0) -> tqdm:
    """Show how many bytes have come and how fast: a context manager with ``update(bytes)``.

    Where the ``total`` is learned later, set it in what this returns; ``initial`` bytes were there
    before.
    """
    return _bar(desc=desc, unit="B", unit_scale=True, total=total, initial=initial)


def _bar(**options: Any) -> tqdm:
    if sys.stderr.isatty():
        return tqdm(dynamic_ncols=True, file=sys.stderr, **options)
    return _LogLines(**options)
