"""A benchmark runs, and the page holds what it measured; how fast anything is, no test asks."""

import importlib
import json
import sys
from pathlib import Path

from benchmarks import preprocessing
from benchmarks.__main__ import NAMES
from benchmarks.measure import peak_memory
from benchmarks.results import write
from tests.clones import Clone
from tests.conftest import Reproduced


def test_a_benchmark_has_its_results_on_the_page(reproduced: Reproduced, tmp_path: Path) -> None:
    for name in NAMES:
        assert importlib.import_module(f"benchmarks.{name}").measure, name
    results = preprocessing.measure(reproduced.copy(tmp_path), quick=True)
    write(tmp_path / "page", results, minutes=1)
    page = (tmp_path / "page/README.md").read_text()
    document = json.loads((tmp_path / "page/results.json").read_text())
    assert document["machine"] in page and "$" not in page
    assert len(document["results"]) == len(results) == 2
    for result in document["results"]:
        assert f"| {result['name']} |" in page
        assert abs(result["ratio"] - result["ours"] / result["theirs"]) < 1e-9


def test_peak_memory_adds_the_workers_and_leaves_out_who_measures(tmp_path: Path) -> None:
    held = b"1" * (400 * 2**20)
    hold = f"import time; kept = b'1' * {100 * 2**20}; time.sleep(1)"
    worker = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {hold!r}])"
    peak = peak_memory(Clone(tmp_path, tmp_path), sys.executable, "-c", f"{worker}; {hold}")
    assert 200 < peak < 350
    assert held
