"""The templates of the page and of the cards, and what these write numbers and names with."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from agegender.analysis.groups import MIN_GROUP
from agegender.analysis.writing import unit_of, write, write_interval
from agegender.report import prose

TEMPLATES = Environment(
    loader=PackageLoader("agegender.report", ""),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
TEMPLATES.globals |= {"write": write, "write_interval": write_interval, "min_group": MIN_GROUP}
TEMPLATES.filters |= {
    "thousands": lambda number: f"{number:,}",
    "upper_first": prose.capitalized,
    # A name from code, with places where a narrow page may break it.
    "breakable": lambda name: re.sub(r"([._/])", "\\1\N{ZERO WIDTH SPACE}", name),
    "span": prose.span,
    "unit": unit_of,
    "unit_head": lambda score: f" ({unit_of(score)})" if unit_of(score) else "",
}
