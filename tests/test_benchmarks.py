"""The benchmarks run, and write what they promise; how fast anything is, no test asks."""

import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks.measure import peak_memory
from tests.conftest import Reproduced

FIELDS = {"name", "ours", "theirs", "unit", "ratio", "target", "met"}


def test_the_benchmarks_write_results_in_the_promised_form(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    arguments = ["--quick", "--clone", str(clone.path), "--output", str(tmp_path)]
    clone.run("python", "-m", "benchmarks", *arguments)
    results = json.loads((tmp_path / "results.json").read_text())
    page = (tmp_path / "README.md").read_text()
    assert "<svg" in (tmp_path / "stages.svg").read_text()
    for result in results:
        assert set(result) == FIELDS
        assert result["name"].replace("|", "\\|") in page
        assert result["ours"] >= 0 and (result["ratio"] is None) == (not result["theirs"])
        assert (result["target"] is None) == (result["met"] is None)
    assert len({result["name"] for result in results}) == len(results)
    told = " ".join(result["name"] for result in results)
    for part in ("embedding", "fit through the base", "PyDataset", "decoding", "memory", "repro"):
        assert part in told


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peaks")
def test_peak_memory_is_the_commands_and_not_that_of_who_runs_it(tmp_path: Path) -> None:
    held = bytearray(400 * 2**20)
    held[:: os.sysconf("SC_PAGE_SIZE")] = b"1" * len(held[:: os.sysconf("SC_PAGE_SIZE")])
    small = peak_memory([sys.executable, "-c", ""], tmp_path, os.environ)
    large = peak_memory(
        [sys.executable, "-c", f"import time; kept = b'1' * {200 * 2**20}; time.sleep(0.3)"],
        tmp_path,
        os.environ,
    )
    assert small < 100 < 200 < large < 350
    assert held[0]
