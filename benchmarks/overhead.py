"""Line 5: what the pipeline costs beside its work, and DVC's share in it."""

import shutil
import sys
from pathlib import Path
from statistics import median

from benchmarks.measure import interleaved, run, seconds
from benchmarks.memory import repeat
from benchmarks.pipeline import minutes
from benchmarks.results import Result, bound, overhead
from benchmarks.scale import Scale
from benchmarks.workspace import Workspace

# What a stage does before its own work begins.
START = """
import sys
from stages.common.stage import parameters, run
import stages.{stage}
sys.argv[0] = stages.{stage}.__file__
run(lambda: parameters("{stage}"))
print(int("tensorflow" in sys.modules))
"""
LIMIT = 3.0
# DVC's share of the pipeline that is still allowed.
SHARE = 0.1
SHARD_FILES = 8


def measure(default: Workspace, scale: Scale) -> list[Result]:
    """`dvc repro` with nothing to do, and the stages that need no network library."""
    printed = {}

    def start(stage: str) -> None:
        printed[stage] = default.run(sys.executable, "-c", START.format(stage=stage))

    idle, *starts = interleaved(
        min(3, scale.repetitions),
        lambda: default.run("dvc", "repro"),
        *(lambda stage=stage: start(stage) for stage in scale.started),
    )
    imported = sum(int(text.splitlines()[-1]) for text in printed.values())
    whole = [
        bound(
            f"stage {stage} as a whole, {default.photos}",
            *(seconds(lambda: default.run(*default.stage(stage))), "s", LIMIT),  # noqa: B023
        )
        for stage in ("split", "preprocess", "report")
        if stage in scale.started
    ]
    return [
        bound("dvc repro with nothing to do", idle, "s", LIMIT),
        *(
            bound(f"start-up of {stage}: imports, check, parameters", taken, "s", LIMIT)
            for stage, taken in zip(scale.started, starts, strict=True)
        ),
        *whole,
        bound("stages without a network that import TensorFlow", imported, "stages", 0),
    ]


def dvc_share(workspace: Workspace, scale: Scale, folder: Path) -> list[Result]:
    """DVC's own work for the raw images, against the pipeline's and against a few large files.

    That is hashing and caching them once, looking through them as the input of two stages, and
    checking them out once, each less DVC's start-up. The pipeline's time grows with the photos.
    """
    results = []
    pipeline = 60 * sum(minutes(workspace).values())
    for count in scale.files:
        place = folder / f"files-{count}"
        place.mkdir()
        repeat(workspace.path / "data", place / "photos.tar", count)
        single, packed = (
            _costs(workspace, place, way, min(3, scale.repetitions)) for way in ("files", "packed")
        )
        shutil.rmtree(place)
        whole = pipeline * count / _photos(workspace)
        results += [
            overhead(
                f"DVC's work for {count:,} raw images, in the whole pipeline for them",
                *(single, whole, "s", SHARE),
            ),
            overhead(
                f"DVC's work for {count:,} raw images, against {SHARD_FILES} large files",
                *(single, packed, "s"),
            ),
        ]
    return results


def _photos(workspace: Workspace) -> int:
    return sum(1 for _ in (workspace.path / "data/raw").glob("*.*")) - 1


def _costs(workspace: Workspace, place: Path, way: str, repetitions: int) -> float:
    """Seconds of DVC's for the archive's photos as files, or packed in a few."""
    project = place / way
    raw = project / "raw"
    raw.mkdir(parents=True)
    archive = place / "photos.tar"
    if way == "files":
        shutil.unpack_archive(archive, raw)
    else:
        content = archive.read_bytes()
        size = -(-len(content) // SHARD_FILES)
        for number in range(SHARD_FILES):
            part = content[number * size : (number + 1) * size]
            (raw / f"{number}.tar").write_bytes(part)
    env = workspace.clone.env

    def dvc(*arguments: str) -> float:
        return seconds(lambda: run(("dvc", *arguments), project, env))

    dvc("init", "--no-scm", "--quiet")
    start = median(dvc("config", "core.analytics", "false") for _ in range(repetitions))
    added = dvc("add", "--quiet", "raw")
    checked = dvc("status", "--quiet")
    shutil.rmtree(raw)
    restored = dvc("checkout", "--quiet")
    return max(0.0, added - start) + 2 * max(0.0, checked - start) + max(0.0, restored - start)
