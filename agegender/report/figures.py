"""The report's figures, drawn by matplotlib as SVG that takes its colours from the page.

Figures are drawn small, so that their letters are still legible on a phone; on a wide screen they
grow. Series differ by colour, by marker and by dashes. Colours are CSS variables: those of Okabe
and Ito (Color Universal Design, 2008), which colour-blind people can tell apart, and lighter ones
on dark pages.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from agegender.photos.labels import GENDERS, MAX_AGE
from agegender.report.prose import span

# Drawn with these, and replaced by what the page's style sheet says.
_INK, _GRID = "#010101", "#020202"
_SERIES = ("#0072b2", "#d55e00")
_VARIABLES = {
    _INK: "currentColor",
    _GRID: "var(--grid)",
    _SERIES[0]: "var(--first)",
    _SERIES[1]: "var(--second)",
}
_MARKERS = ("o", "s")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 2)))
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "agegender",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
# Points in a scatter plot; more would only make the file large.
SCATTER = 3_000
# Inches; at 72 points an inch the width is about that of a phone.
_WIDTH, _HEIGHT = 4.7, 3.1
# SVG has 72 of them an inch.
_POINTS = 72

Models = Mapping[str, pd.DataFrame]


def ages(photos: pd.DataFrame) -> str:
    """How many men and women of each age there are: columns ``age`` and ``gender``."""

    def draw(axes: Axes) -> None:
        edges = np.arange(0, MAX_AGE + 5, 4)
        axes.hist(
            [photos.loc[photos["gender"] == gender, "age"] for gender in (0, 1)],
            bins=list(edges),
            stacked=True,
            color=list(_SERIES),
            label=list(GENDERS),
        )
        axes.set(xlabel="Age (years)", ylabel="Photos", xlim=(0, MAX_AGE))
        axes.legend()

    return _svg(draw)


def learning_curve(training: Sequence[float], validation: Sequence[float], label: str) -> str:
    """A metric after each epoch on training and validation photos."""

    def draw(axes: Axes) -> None:
        epochs = np.arange(1, len(training) + 1)
        series = (("training", training), ("validation", validation))
        for (name, values), colour, dashes, marker in zip(
            series, _SERIES, _DASHES, _MARKERS, strict=True
        ):
            # Close together, markers would hide the dashes.
            ms = 3.5 if len(epochs) <= 20 else 0
            axes.plot(
                epochs, values, color=colour, linestyle=dashes, marker=marker, ms=ms, label=name
            )
        axes.set(xlabel="Epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(epochs) == 1:
            axes.set_xlim(0, 2)
            axes.set_xticks([1])
        axes.legend()

    return _svg(draw)


def scatter(table: pd.DataFrame, series: int) -> str:
    """Predicted against true age, of at most `SCATTER` photos: columns ``age``, ``predicted``."""
    table = table.iloc[:: -(-len(table) // SCATTER)]

    def draw(axes: Axes) -> None:
        axes.plot([0, MAX_AGE], [0, MAX_AGE], color=_INK, linewidth=0.8, linestyle=":")
        axes.plot(
            table["age"],
            table["predicted"],
            color=_SERIES[series],
            linestyle="none",
            marker="o",
            ms=3.2,
            alpha=0.45,
            mew=0,
        )
        axes.set(
            xlabel="True age (years)",
            ylabel="Predicted age (years)",
            xlim=(-2, MAX_AGE),
            ylim=(-2, MAX_AGE),
            aspect="equal",
        )

    return _svg(draw, height=4.0)


def roc(models: Models) -> str:
    """ROC curves: columns ``false_positive_rate`` and ``true_positive_rate``."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        for place, (name, table) in enumerate(models.items()):
            axes.plot(
                table["false_positive_rate"],
                table["true_positive_rate"],
                color=_SERIES[place],
                linestyle=_DASHES[place],
                label=name,
            )
        axes.set(
            xlabel="Men called female (share)", ylabel="Women called female (share)", aspect="equal"
        )
        axes.legend(loc="lower right")

    return _svg(draw, height=3.8)


def reliability(models: Models) -> str:
    """The share of women by P(female): columns ``predicted``, ``observed`` and its interval."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        for place, (name, table) in enumerate(models.items()):
            _intervals(axes.errorbar, table["predicted"], table, "observed", place, name, line=True)
            # The more photos in a bin, the larger its mark: bins of few photos say little.
            axes.scatter(
                table["predicted"],
                table["observed"],
                s=8 + 120 * table["photos"] / table["photos"].max(),
                color=_SERIES[place],
                marker=_MARKERS[place],
                linewidths=0,
                zorder=3,
                clip_on=False,
            )
        axes.set(
            xlabel="Predicted P(female)",
            ylabel="Women among these photos (share)",
            xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02),
            aspect="equal",
        )
        axes.legend(loc="upper left")

    return _svg(draw, height=3.8)


def cumulative(models: Models) -> str:
    """CS@k with its interval: columns ``k``, ``percent``, ``percent_low``, ``percent_high``."""

    def draw(axes: Axes) -> None:
        for place, (name, table) in enumerate(models.items()):
            axes.fill_between(
                table["k"],
                table["percent_low"],
                table["percent_high"],
                color=_SERIES[place],
                alpha=0.18,
                linewidth=0,
            )
            axes.plot(
                table["k"],
                table["percent"],
                color=_SERIES[place],
                linestyle=_DASHES[place],
                marker=_MARKERS[place],
                ms=3.5,
                label=name,
            )
        axes.set(xlabel="k (years)", ylabel="Photos at most k years off (%)", ylim=(0, None))
        axes.legend(loc="upper left")

    return _svg(draw)


def decades(models: Models, score: str, label: str) -> str:
    """A score by age decade: the rows of a groups table whose ``by`` is age."""
    groups = {name: table[table["by"] == "age"] for name, table in models.items()}

    def draw(axes: Axes) -> None:
        _side_by_side(axes.errorbar, groups, score)
        names = next(iter(groups.values()))["group"]
        axes.set_xticks(range(len(names)), [span(name) for name in names], rotation=45, ha="right")
        axes.set(xlabel="True age (years)", ylabel=label)
        if score != "accuracy":
            axes.set_ylim(0)
        axes.grid(False, axis="x")
        _legend_above(axes)

    return _svg(draw, height=3.5)


def groups(models: Models, score: str, label: str) -> str:
    """A score by gender and race group: the other rows of a groups table."""
    kept = {name: table[table["by"] != "age"] for name, table in models.items()}
    first = next(iter(kept.values()))

    def draw(axes: Axes) -> None:
        _side_by_side(axes.errorbar, kept, score, across=True)
        axes.set_yticks(range(len(first)), list(first["group"]))
        axes.invert_yaxis()
        axes.set(xlabel=label)
        axes.grid(False, axis="y")
        _legend_above(axes)

    return _svg(draw, height=1.4 + 0.32 * len(first))


def _side_by_side(
    errorbar: Callable[..., Any], models: Models, score: str, across: bool = False
) -> None:
    for place, (name, table) in enumerate(models.items()):
        positions = np.arange(len(table)) + (place - (len(models) - 1) / 2) * 0.28
        _intervals(errorbar, positions, table, score, place, name, across=across)


def _intervals(
    errorbar: Callable[..., Any],
    positions: Any,
    table: pd.DataFrame,
    score: str,
    place: int,
    name: str,
    line: bool = False,
    across: bool = False,
) -> None:
    """Points with their intervals; at ``positions`` along x, or along y where ``across``."""
    values = table[score]
    reach = np.stack([values - table[f"{score}_low"], table[f"{score}_high"] - values])
    # An interval of few photos need not hold the value itself.
    reach = np.clip(np.nan_to_num(reach), 0, None)
    x, y = (values, positions) if across else (positions, values)
    errorbar(
        x,
        y,
        **{"xerr" if across else "yerr": reach},
        color=_SERIES[place],
        marker="none" if line else _MARKERS[place],
        ms=4.5,
        linewidth=1.1,
        linestyle=_DASHES[place] if line else "none",
        elinewidth=1,
        label=name,
    )


def _legend_above(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)


def _svg(draw: Callable[[Axes], None], height: float = _HEIGHT) -> str:
    """An SVG element without a size of its own; the page gives it that, and a name."""
    with matplotlib.rc_context(_SETTINGS):
        layout = ConstrainedLayoutEngine()
        figure = Figure(figsize=(_WIDTH, height), dpi=_POINTS, layout=layout)
        draw(figure.add_subplot())
        # Left to savefig, the layout would have all that is drawn drawn twice.
        layout.execute(figure)
        figure.set_layout_engine(None)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\b(width|height)="[\d.]+pt" ', "", svg, count=2)
    svg = re.sub(r' id="([\w.]+)"', lambda m: m[0] if f"#{m[1]}" in svg else "", svg)
    svg = re.sub(r"font-family: [^;\"]+; ", "", svg)
    # Ids are hashes of what they name: unlike in one figure, not so on a page of many.
    own = sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(?<=id="|f="#)(?=[mp][0-9a-f]{10}")', f"{own}-", svg)
    svg = re.sub(r"(?<=url\(#)(?=[mp][0-9a-f]{10}\))", f"{own}-", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"\n\s*", "\n", svg)
    return svg.replace("<svg ", '<svg aria-hidden="true" ', 1).strip()
