"""`python -m benchmarks`: measure, and write results.json, README.md and stages.svg."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agegender.common.parallel import available_cores
from agegender.networks import runtime
from benchmarks import (
    embedding,
    feeding,
    memory,
    overhead,
    page,
    pipeline,
    preprocessing,
    training,
    workspace,
)
from benchmarks.results import Result, table, write_json
from benchmarks.scale import FULL, QUICK
from tests.clones import ROOT


def main() -> None:
    """Measure line by line; what is measured is written at the end of each."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that everything runs")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks", help="a folder")
    parser.add_argument("--clone", type=Path, help="where the pipeline has run, for a new clone")
    arguments = parser.parse_args()
    scale = QUICK if arguments.quick else FULL
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{(time.monotonic() - began) / 60:5.1f} min  {line}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        say("the default pipeline")
        if arguments.clone:
            default = workspace.given(arguments.clone, folder)
        else:
            default = workspace.default(folder / "default", scale.parameters)
        all_of = [default]
        if workspace.FACES.exists() and not arguments.quick:
            say("the pipeline on real faces")
            all_of.append(workspace.faces(folder / "faces", scale.parameters))
        data = all_of[-1]
        runtime.configure(available_cores(), 1)

        lines: dict[str, list[Callable[[], list[Result]]]] = {
            "1. embed_vgg16": [
                lambda: embedding.measure(data, scale, folder),
                lambda: training.precision(data, scale, folder),
            ],
            "2. VGG16 training": [
                lambda: training.measure(data, scale, folder),
                lambda: training.experiments(all_of, scale),
            ],
            "3. The custom CNN's input": [lambda: feeding.measure(data, scale, folder)],
            "4. Preprocessing and memory": [
                lambda: preprocessing.measure(data, scale, folder),
                lambda: memory.measure(data, scale, folder),
            ],
            "5. Overhead": [
                lambda: overhead.measure(default, scale),
                lambda: overhead.dvc_share(data, scale, folder),
            ],
            "6. The pipelines": [lambda: pipeline.measure(all_of)],
        }
        sections: dict[str, list[Result]] = {}
        for title, parts in lines.items():
            say(title)
            sections[title] = [result for part in parts for result in part()]
            print(table(sections[title]), flush=True)
        results = [result for part in sections.values() for result in part]
        arguments.output.mkdir(parents=True, exist_ok=True)
        write_json(arguments.output / "results.json", results)
        pipeline.draw(arguments.output / "stages.svg", all_of)
        taken = (time.monotonic() - began) / 60
        text = page.render(sections, all_of, taken)
        (arguments.output / "README.md").write_text(text, encoding="utf-8")
    missed = sum(result.met is False for result in results)
    say(f"{len(results)} results, {missed} targets missed: {arguments.output}/README.md")


if __name__ == "__main__":
    main()
