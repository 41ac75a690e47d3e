"""A benchmark runs, and the page holds what it measured; how fast anything is, no test asks."""

import json
import sys
from pathlib import Path

from benchmarks.measure import peak_memory
from tests.clones import ROOT, Clone


def test_a_benchmark_writes_its_results_and_the_page(tmp_path: Path) -> None:
    here = Clone(ROOT, tmp_path / "home")
    output = tmp_path / "page"
    before = here.run("git", "status", "--porcelain", "benchmarks", "data")
    here.run("python", "-m", "benchmarks", "preprocessing", "--quick", "--output", str(output))
    page = (output / "README.md").read_text()
    document = json.loads((output / "results.json").read_text())
    assert document["machine"] in page and "$" not in page
    for result in document["results"]:
        assert f"| {result['name']} |" in page
        assert abs(result["ratio"] - result["ours"] / result["theirs"]) < 1e-9
    assert here.run("git", "status", "--porcelain", "benchmarks", "data") == before


def test_peak_memory_adds_the_workers_and_leaves_out_who_measures(tmp_path: Path) -> None:
    held = b"1" * (400 * 2**20)
    hold = f"import time; kept = b'1' * {100 * 2**20}; time.sleep(1)"
    worker = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {hold!r}])"
    peak = peak_memory(Clone(tmp_path, tmp_path), sys.executable, "-c", f"{worker}; {hold}")
    assert 200 < peak < 350
    assert held
