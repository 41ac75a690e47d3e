"""The report's figures, drawn by Vega as SVG that takes its colours from the page.

Colours are CSS variables: those of Okabe and Ito (Color Universal Design, 2008), which colour-blind
people can distinguish, and lighter ones on dark pages.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import vl_convert
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
_THEME: dict[str, Any] = {
    "background": None,
    # As wide as Arial and Helvetica, one of which the page asks for.
    "font": "Liberation Sans",
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


def svg(specification: Mapping[str, Any], second: bool = False) -> Markup:
    """Draw a plot as an SVG element without a size of its own; the page gives it that.

    Args:
        specification: of Vega-Lite, with its data.
        second: whether all that is drawn is of the second model, and has that one's colour.
    """
    config = {
        name: {**value, **specification["config"].get(name, {}), **value}
        if isinstance(value, dict)
        else value
        for name, value in _THEME.items()
    }
    themed = {**specification, "config": {**specification["config"], **config}}
    # The page has the title in its caption.
    themed.pop("title", None)
    text = vl_convert.vegalite_to_svg(json.loads(json.dumps(themed)))
    text = re.sub(r' (aria-\w+|role)="[^"]*"', "", text)
    text = re.sub(r'(<svg [^>]*?) width="[\d.]+" height="[\d.]+"', r"\1", text, count=1)
    text = re.sub(r' font-family="[^"]*"', "", text)
    # Unique in one figure, but not on a page of many.
    own = sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'(?<=[("#])(?=clip\d+[")])', f"{own}-", text)
    if second:
        text = re.sub(_FIRST, _SECOND, text, flags=re.IGNORECASE)
    for colour, variable in _VARIABLES.items():
        text = re.sub(f'"{colour}"', f'"{variable}"', text, flags=re.IGNORECASE)
    # Drawn here, so nothing in it needs escaping.
    return Markup(text.replace("<svg ", '<svg aria-hidden="true" ', 1))
