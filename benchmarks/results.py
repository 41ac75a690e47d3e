"""What was measured: results.json for programs, a table for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """One thing that was measured.

    Attributes:
        name: what.
        ours: this project's value.
        theirs: the value that it is compared with; None where there is none.
        unit: of both.
        ratio: of the two, the way round that ``target`` says; None without ``theirs``, also where
            it is 0, less than the clock can tell.
        target: what is wanted, such as ``ours / theirs <= 1.15``; None where nothing is.
        met: whether it is reached; None without a target.
    """

    name: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    target: str | None
    met: bool | None


def overhead(name: str, ours: float, theirs: float, unit: str, most: float | None = None) -> Result:
    """``ours`` should be at most ``most`` times ``theirs``."""
    ratio = _ratio(ours, theirs)
    if most is None:
        return Result(name, ours, theirs, unit, ratio, None, None)
    return Result(
        name, ours, theirs, unit, ratio, f"ours / theirs <= {most:g}", ours <= most * theirs
    )


def speedup(name: str, ours: float, theirs: float, unit: str, least: float | None = None) -> Result:
    """Both are durations; ``ours`` should be ``least`` times shorter."""
    ratio = _ratio(theirs, ours)
    if least is None:
        return Result(name, ours, theirs, unit, ratio, None, None)
    return Result(
        name, ours, theirs, unit, ratio, f"theirs / ours >= {least:g}", theirs >= least * ours
    )


def share(name: str, ours: float, theirs: float, unit: str, least: float | None = None) -> Result:
    """Both are rates; ``ours`` should reach the share ``least`` of ``theirs``."""
    ratio = _ratio(ours, theirs)
    if least is None:
        return Result(name, ours, theirs, unit, ratio, None, None)
    return Result(
        name, ours, theirs, unit, ratio, f"ours / theirs >= {least:g}", ours >= least * theirs
    )


def bound(name: str, ours: float, unit: str, most: float | None = None) -> Result:
    """``ours`` should be at most ``most``; it is compared with nothing."""
    if most is None:
        return Result(name, ours, None, unit, None, None, None)
    return Result(name, ours, None, unit, None, f"ours <= {most:g}", ours <= most)


def same(name: str, ours: float, theirs: float, unit: str, within: float) -> Result:
    """The two should differ by no more than ``within``."""
    target = f"|ours - theirs| <= {within:.3g}"
    ratio = _ratio(ours, theirs)
    return Result(name, ours, theirs, unit, ratio, target, abs(ours - theirs) <= within)


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None


def write_json(path: Path, results: Sequence[Result]) -> None:
    """Write a list of objects with the fields of `Result`."""
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")


def table(results: Sequence[Result]) -> str:
    """The results as a table in Markdown."""
    rows = ["| | ours | theirs | unit | ratio | target | met |", "|---|--:|--:|---|--:|---|---|"]
    for result in results:
        met = {None: "", True: "yes", False: "**no**"}[result.met]
        target = (result.target or "").replace("|", r"\|")
        cells = [
            result.name,
            number(result.ours),
            number(result.theirs),
            result.unit,
            number(result.ratio),
            target,
            met,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def number(value: float | None) -> str:
    """Three digits, or all of a large number; empty for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
