"""Line 6: the pipelines' minutes by stage, as a chart, with what bounds each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import yaml
from matplotlib.figure import Figure

from benchmarks.results import Result, bound
from benchmarks.workspace import Workspace
from tests.clones import ROOT

# What more of would make a stage faster.
BOUNDS = {
    "download": "cores, where portraits are drawn; one core, where an archive is unpacked",
    "download_vgg16": "the network, or the disk",
    "split": "decoding JPEGs on all cores",
    "preprocess": "decoding JPEGs on all cores",
    "embed_vgg16": "arithmetic: VGG16's convolutions, once",
    "train_custom": "arithmetic: convolutions, forward and backward, each epoch",
    "train_vgg16": "TensorFlow's start",
    "evaluate@custom": "TensorFlow's start, then arithmetic",
    "evaluate@vgg16": "arithmetic: VGG16's convolutions, on the test photos",
}


def minutes(workspace: Workspace) -> dict[str, float]:
    """Minutes of each stage, from its record of time.

    Training is counted with the epochs of params.yaml, at the time of the last one that ran.
    """
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    found = {}
    for stage, record in workspace.stage_seconds().items():
        seconds = record["seconds"]
        if each := record.get("epoch_seconds"):
            epochs = document[stage]["epochs"] * document[stage]["ensemble_size"]
            seconds += (epochs - len(each)) * each[-1]
        found[stage] = seconds / 60
    return found


def measure(workspaces: Sequence[Workspace]) -> list[Result]:
    """The sums."""
    return [
        bound(
            f"all stages but the report, {workspace.photos}",
            sum(minutes(workspace).values()),
            "minutes",
        )
        for workspace in workspaces
    ]


def draw(path: Path, workspaces: Sequence[Workspace]) -> None:
    """Write the chart as SVG: a panel a pipeline, a bar a stage."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "agegender"}):
        figure = Figure(figsize=(9, 3.2 * len(workspaces)), layout="constrained")
        panels = figure.subplots(len(workspaces), squeeze=False)[:, 0]
        for axes, workspace in zip(panels, workspaces, strict=True):
            _panel(axes, workspace.photos, minutes(workspace))
        figure.savefig(path, format="svg", metadata={"Date": None})


def _panel(axes: matplotlib.axes.Axes, title: str, taken: Mapping[str, float]) -> None:
    stages = [stage for stage in BOUNDS if stage in taken]
    values = [taken[stage] for stage in stages]
    bars = axes.barh(stages, values, color="#0072b2")
    axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("minutes")
    axes.set_title(f"{title}: {sum(values):.1f} minutes", loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def bounds(workspaces: Sequence[Workspace]) -> str:
    """A table in Markdown: minutes by stage, and what bounds it."""
    heads = [workspace.photos for workspace in workspaces]
    rows = [f"| stage | {' | '.join(heads)} | bound by |", f"|---|{'--:|' * len(heads)}---|"]
    taken = [minutes(workspace) for workspace in workspaces]
    for stage, why in BOUNDS.items():
        cells = [f"{each[stage]:.2f}" if stage in each else "" for each in taken]
        rows.append(f"| {stage} | {' | '.join(cells)} | {why} |")
    return "\n".join(rows) + "\n"
