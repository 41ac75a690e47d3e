"""The report's figures: DVC's plots, drawn by Vega as SVG that takes its colours from the page.

Colours are CSS variables: those of Okabe and Ito (Color Universal Design, 2008), which colour-blind
people can distinguish, and lighter ones on dark pages.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import vl_convert
from dvc_render import VegaRenderer
from markupsafe import Markup

# Drawn with these, and replaced by what the page's style sheet says.
_INK, _GRID = "#010101", "#020202"
_FIRST, _SECOND = "#0072b2", "#d55e00"
_VARIABLES = {
    _INK: "currentColor",
    "gray": "currentColor",
    "#333333": "currentColor",
    "white": "var(--paper)",
    _GRID: "var(--grid)",
    _FIRST: "var(--first)",
    _SECOND: "var(--second)",
}
_TEXT = {"labelColor": _INK, "titleColor": _INK, "labelFontSize": 11, "titleFontSize": 11}
_THEME: dict[str, dict[str, Any]] = {
    "axis": _TEXT
    | {"titleFontWeight": "normal", "gridColor": _GRID, "domainColor": _INK, "tickColor": _INK},
    "header": _TEXT,
    "legend": _TEXT,
    "view": {"stroke": None},
}


class Figure(NamedTuple):
    """A figure of the page: its title, its alternative text, and itself."""

    title: str
    alternative: str
    svg: Markup


def draw(
    plots: Mapping[str, Mapping[str, Any]], model: str | None = None, second: bool = False
) -> dict[str, Figure]:
    """Draw plots of both models, or of one.

    A plot without data, as of a task that was not trained, is left out. Of plots that show the
    same, as a loss that is the metric, the last one is drawn.

    Args:
        plots: by name, as dvc.yaml has them: ``template``, ``title``, ``x``, ``x_label``, ``y``
            (the columns of CSV and TSV files, by path) and ``y_label``.
        model: the folder, in their paths, of the only files to read.
        second: whether what is drawn has the second model's colour.
    """
    figures: dict[tuple[str, ...], tuple[str, Figure]] = {}
    for name, plot in plots.items():
        rows, values = [], []
        for path, column in plot["y"].items():
            if Path(path).exists() and (model is None or model in Path(path).parts):
                table = pd.read_csv(path, sep="\t" if path.endswith(".tsv") else ",")
                table = table.dropna(subset=column)
                values += [f"{value!s:.6}" for value in table[column]]
                # What DVC adds.
                table = table.assign(rev="workspace", filename=path)
                rows += json.loads(table.to_json(orient="records"))
        if rows:
            sources = [{"filename": path, "field": column} for path in plot["y"]]
            filled = VegaRenderer(
                rows, name, **{**plot, "y": column}, anchors_y_definitions=sources
            )
            alternative = f"{plot['title']}: {plot['y_label']} by {plot['x_label']}"
            drawn = _svg(filled.get_filled_template(), second)
            figures[tuple(values)] = name, Figure(plot["title"], alternative, drawn)
    return dict(figures.values())


def _svg(specification: dict[str, Any], second: bool) -> Markup:
    """An SVG element without a size of its own; the page gives it that."""
    config = specification["config"]
    config |= {part: {**config.get(part, {}), **theme} for part, theme in _THEME.items()}
    # As wide as Arial and Helvetica, one of which the page asks for.
    config |= {"background": None, "font": "Liberation Sans"}
    # The page has the title in its caption.
    specification.pop("title", None)
    text = vl_convert.vegalite_to_svg(specification)
    text = re.sub(r' (aria-\w+|role|font-family)="[^"]*"', "", text)
    text = re.sub(r'(<svg [^>]*?) width="[\d.]+" height="[\d.]+"', r"\1", text, count=1)
    # Unique in one figure, but not on a page of many.
    own = sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'(?<=[("#])(?=clip\d+[")])', f"{own}-", text)
    if second:
        text = re.sub(_FIRST, _SECOND, text, flags=re.IGNORECASE)
    for colour, variable in _VARIABLES.items():
        text = re.sub(f'"{colour}"', f'"{variable}"', text, flags=re.IGNORECASE)
    # Drawn here, so nothing in it needs escaping.
    return Markup(text.replace("<svg ", '<svg aria-hidden="true" ', 1))
