"""What was measured, as results.json for programs and as a page for people."""

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from string import Template

# All the page's text that no measurement changes.
_TEMPLATE = Path(__file__).with_name("page.md")


@dataclass(frozen=True)
class Result:
    """One comparison.

    Attributes:
        name: what of this project, against what.
        ours: this project's value.
        theirs: what it is compared with; None where it is only limited.
        unit: of both.
        ratio: of the two, the way round that ``target`` has it.
        target: what is promised; empty where nothing is.
        met: whether it holds; None without a target.
    """

    name: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    target: str = ""
    met: bool | None = None


def faster(name: str, ours: float, theirs: float, unit: str, least: float) -> Result:
    """Two durations, of which ours should be shorter, ``least`` times at least."""
    ratio = theirs / ours
    return Result(name, ours, theirs, unit, ratio, f"theirs / ours >= {least:g}", ratio >= least)


def cost(name: str, ours: float, theirs: float, unit: str, most: float) -> Result:
    """Two amounts, of which ours should be ``most`` times the other at most."""
    ratio = ours / theirs
    return Result(name, ours, theirs, unit, ratio, f"ours / theirs <= {most:g}", ratio <= most)


def limit(name: str, ours: float, unit: str, most: float) -> Result:
    """An amount that should be at most ``most``."""
    return Result(name, ours, None, unit, None, f"ours <= {most:g}", ours <= most)


def table(results: Sequence[Result]) -> str:
    """The results in Markdown."""
    rows = ["| | ours | theirs | unit | ratio | target | met |", "|---|--:|--:|---|--:|---|---|"]
    for result in results:
        numbers = [
            "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            for value in (result.ours, result.theirs, result.ratio)
        ]
        met = {None: "", True: "yes", False: "**no**"}[result.met]
        cells = [result.name, *numbers[:2], result.unit, numbers[2], result.target, met]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def write(folder: Path, results: Sequence[Result], minutes: float) -> None:
    """Write results.json and README.md into ``folder``, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "machine": _machine(),
        "minutes": round(minutes),
        "results": [asdict(each) for each in results],
    }
    text = json.dumps(document, indent=2) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    page = Template(_TEMPLATE.read_text(encoding="utf-8"))
    text = page.substitute(document, results=table(results))
    (folder / "README.md").write_text(text, encoding="utf-8")


def _machine() -> str:
    """Processor, cores, memory, system and the versions that matter."""
    cpuinfo = Path("/proc/cpuinfo")
    known = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    model = re.search(r"^model name\s*: (.*)$", known, re.MULTILINE)
    processor = model[1] if model else platform.processor() or platform.machine()
    flags = [flag for flag in ("avx512f", "avx512_bf16") if f" {flag} " in known]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{' '.join([processor, *flags])}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, "
        f"{platform.system()}; Python {platform.python_version()}, "
        f"TensorFlow {version('tensorflow')}, DVC {version('dvc')}"
    )
