"""Line 4, time: preprocessing against decoding the same JPEGs alone, on all cores."""

import json
import sys
from pathlib import Path

from benchmarks.results import Result, overhead
from benchmarks.scale import Scale
from benchmarks.workspace import Workspace

LIMIT = 1.2


def measure(workspace: Workspace, scale: Scale, folder: Path) -> list[Result]:
    """Both by as many processes, handed as many photos at a time; then where the rest goes."""
    arguments = (str(workspace.path / "data"), str(folder / "preprocessed"))
    sizes = (str(scale.decoded), str(scale.repetitions))
    printed = workspace.run(sys.executable, "-m", "benchmarks.decoding", *arguments, *sizes)
    ours, theirs, usable, start, decoding, pixels, writing = json.loads(printed.splitlines()[-1])
    unit = "ms a photo"
    return [
        overhead(
            "preprocessing, JPEG to TFRecord, against decoding alone (Pillow), on all cores",
            *(ours, theirs, unit, LIMIT),
        ),
        overhead(
            "the same, the start of the processes left out of both",
            *(_rest(ours, start), _rest(theirs, start), unit, LIMIT),
        ),
        overhead(
            "preprocessing against its own reading, checking and decoding alone, on all cores",
            *(ours, usable, unit),
        ),
        overhead(
            "on one core: reading, checking, decoding, pixels as bytes, against Pillow's decoding",
            *(pixels, decoding, unit),
        ),
        overhead(
            "on one core: tf.train.Example, checksums and writing, against Pillow's decoding",
            *(writing, decoding, unit),
        ),
    ]


def _rest(whole: float, start: float) -> float:
    # Of a few photos the clock tells nothing but the start.
    return max(whole - start, 0.0)
