"""`python -m benchmarks`: measure, and write benchmarks/README.md and results.json."""

import argparse
import importlib
import os
import tempfile
import time
from pathlib import Path

from benchmarks.results import Result, table, write
from stages.common import environment
from tests.clones import ROOT, Clone

# Those that start TensorFlow in this process stand last.
NAMES = ("preprocessing", "experiment", "memory", "vgg16", "custom", "export", "predict")
FULL = {
    "download": {"sample_images": 5000},
    # It only has to be there.
    "train_custom": {"epochs": 1, "filters": [4, 4, 4, 4], "dense_units": [8]},
}
QUICK = FULL | {
    "image_size": 32,
    "download": {"sample_images": 60},
    "train_vgg16": {"epochs": 1, "dense_units": [8]},
    "evaluate": {"bootstrap_samples": 100},
}


def main() -> None:
    """Measure in a clone of the working tree, which is removed at the end."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs")
    parser.add_argument("--output", type=Path, help="where the page is written; benchmarks/ if all")
    arguments = parser.parse_args()
    if unknown := set(arguments.names).difference(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    output = arguments.output
    if output is None and not arguments.names and not arguments.quick:
        output = ROOT / "benchmarks"

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    began = time.monotonic()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        clone = Clone.of_working_tree(Path(folder) / "clone")
        clone.set_parameters(**(QUICK if arguments.quick else FULL))
        for name in arguments.names or NAMES:
            benchmark = importlib.import_module(f"benchmarks.{name}")
            found = benchmark.measure(clone, arguments.quick)
            taken = (time.monotonic() - began) / 60
            print(f"{name}, after {taken:.1f} minutes\n{table(found)}\n", flush=True)
            results += found
    if output:
        write(output, results, (time.monotonic() - began) / 60)


if __name__ == "__main__":
    # As stages run.
    environment.seal()
    main()
