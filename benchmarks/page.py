"""The readable page: benchmarks/README.md."""

from collections.abc import Mapping, Sequence

from benchmarks import machine, pipeline
from benchmarks.results import Result, table
from benchmarks.workspace import Workspace

PAGE = """\
# How fast, and against what

`make bench` wrote this page, [results.json](results.json) and the chart, in {minutes:.0f} minutes
on {machine}. Lines 1 to 4 and DVC's share are measured on {photos}.

Both values of a pair come from one run: a warm-up each, then turn by turn (A B A B), and of the
repetitions the median. `ratio` is the one that the target names. No test asserts a time; other
machines differ.

{sections}
## Minutes by stage

![Minutes by stage, a bar each](stages.svg)

{bounds}
Training is counted with the epochs of params.yaml at the time of the last one that ran; drawn
portraits are the default pipeline's. A head's training on embeddings is short enough for
TensorFlow's start to be most of it.

## How it is measured

- **The usual way** (line 2) is `model.fit` through the frozen base, on the same photos in memory,
  with the same head, batches and epochs, from the same weights in the same order; so both ways end
  in the same metrics but for rounding, and that is compared with how far seeds alone differ.
- **The custom CNN's input** (line 3) is compared on one network. One batch that never leaves memory
  is the fastest input there can be. The step's arithmetic counts three times the forward pass;
  the limit is the faster of a large matrix product and a large convolution in the same process.
- **Decoding alone** (line 4) reads and decodes the JPEGs with Pillow in as many processes and
  keeps nothing.
- **Peak memory** (line 4) is the system's own account (the high-water mark of each process), of a
  stage and its workers added up. The set is repeated; networks are narrow or see small photos
  there, since what is read and held is the same.
- **DVC's work** (line 5) is hashing and caching, looking through the images for two stages, and
  checking them out, each less DVC's start-up. The pipeline's time is scaled with the photos.
"""


def render(
    sections: Mapping[str, Sequence[Result]], workspaces: Sequence[Workspace], minutes: float
) -> str:
    """The page in Markdown.

    Args:
        sections: the results by heading.
        workspaces: in which the pipelines have run; the last one is measured most.
        minutes: that all took.
    """
    parts = [f"## {title}\n\n{table(results)}" for title, results in sections.items()]
    return PAGE.format(
        minutes=minutes,
        machine=machine.describe(),
        photos=workspaces[-1].photos,
        sections="\n".join(parts),
        bounds=pipeline.bounds(workspaces),
    )
