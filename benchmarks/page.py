"""The readable page: benchmarks/README.md."""

from collections.abc import Mapping, Sequence

from agegender.photos.records import read_index
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
  with the same head, batches and epochs, from the same weights in the same order. Each of its
  epochs takes as long as the next, so a few are measured and scaled up. After as many epochs both
  ways end in the same metrics but for rounding, and that is compared with how far seeds alone
  differ.
- **The custom CNN's input** (line 3) is compared on one network. One batch that never leaves
  memory, with tf.data's tuner off as in ours, is the fastest input there can be. With the tuner on,
  TensorFlow holds up the end of an epoch until the tuner wakes up, by anything from nothing to as
  long as the epoch took. The others' inputs are as they write them.
- **The arithmetic** (line 3) of a training step counts three times that of the forward pass; the
  limit is the faster of a large matrix product and a large convolution in the same process and
  precision. The lines below tell what was tried to come nearer.
- **Decoding alone** (line 4) reads and decodes the JPEGs with Pillow in as many processes and
  keeps nothing. The photos have the size that is wanted, and those preprocessing decodes with
  simplejpeg, to the same pixels; what it adds to that is the line after. Both ways' processes
  start with the same imports; of a few thousand photos this is much of the time, so it is also left
  out. The rest of preprocessing is on the lines for one core: a photo of a few kilobytes becomes
  {pixels:.0f} KiB that are written.
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
        pixels=3 * read_index(workspaces[-1].path / "data/tfrecords").image_size ** 2 / 2**10,
    )
