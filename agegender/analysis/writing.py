"""Scores as people read them: values, differences and intervals."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from agegender.evaluation.scores import Score, Unit

_SPACE, _DASH, _MINUS = "\N{NO-BREAK SPACE}", "\N{EN DASH}", "\N{MINUS SIGN}"


class _Format(NamedTuple):
    """A value is multiplied by ``factor`` and written with ``decimals`` before its unit."""

    factor: float
    decimals: int
    unit: str
    of_difference: str


_FORMATS: dict[Unit, _Format] = {
    "percent": _Format(100, 1, f"{_SPACE}%", f"{_SPACE}points"),
    "years": _Format(1, 2, f"{_SPACE}years", f"{_SPACE}years"),
    "plain": _Format(1, 3, "", ""),
}


def unit_of(score: Score) -> str:
    """The unit in which a score is written; empty where there is none."""
    return _FORMATS[score.unit].unit.strip()


def write(score: Score, value: float | None, unit: bool = True, plus: str | None = None) -> str:
    """The value of a score, or a difference of two; a dash where it is not defined.

    Args:
        score: what the value is of.
        value: NaN and None are not defined.
        unit: whether to write the unit, too.
        plus: of a difference: the sign of what is above 0.
    """
    if value is None or math.isnan(value):
        return _DASH
    form = _FORMATS[score.unit]
    number = f"{abs(value) * form.factor:.{form.decimals}f}"
    if float(number):
        number = (_MINUS if value < 0 else plus or "") + number
    return number + (form.unit if plus is None else form.of_difference) * unit


def write_interval(
    score: Score,
    low: float | None,
    high: float | None,
    unit: bool = False,
    plus: str | None = None,
) -> str:
    """An interval, see `write`; empty where it is not defined."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f"{write(score, low, False, plus)} to {write(score, high, unit, plus)}"


def write_known(known: Mapping[str, int] | None) -> str:
    """How many photos have each label, as metrics files tell; empty where all have all."""
    words = {"gender": "a gender", "age": "an exact age", "age_range": "an age range"}
    parts = [f"{number:,} {words[name]}" for name, number in (known or {}).items()]
    return ", ".join(parts).replace(" ", " have ", 1)
