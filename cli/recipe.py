"""``python -m agegender recipe``: a named set of parameters, for ``dvc exp run``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from dvc.config import merge
from dvc.utils.flatten import flatten

from agegender.common.errors import UserError
from cli.parameters import parse, read_parameters, read_yaml

RECIPES = Path("recipes")
RENAMED = {"source-report": "reference-report"}


def recipe(arguments: argparse.Namespace) -> None:
    """Print the parameters of a recipe as options of ``dvc exp run``.

    Raises:
        UserError: there is no such recipe, or params.yaml with it would be rejected.
    """
    try:
        values = _read(arguments.name)
    except UserError:
        if not sys.stdout.isatty():
            # `dvc exp run $(...)` would run without the recipe; at what is no stage it stops.
            print("unusable-recipe")
        raise
    for option, value in flatten(values).items():
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        print(f"-S {option}={text}", end=" ")
    print()


def _read(name: str) -> dict[str, Any]:
    if name in RENAMED:
        raise UserError(f"the recipe '{name}' is now '{RENAMED[name]}'")
    known = sorted(path.stem for path in RECIPES.glob("*.yaml"))
    if name not in known:
        raise UserError(f"there is no recipe '{name}' in {RECIPES}/; known: {', '.join(known)}")
    path = RECIPES / f"{name}.yaml"
    document, values = read_parameters().model_dump(), read_yaml(path)
    try:
        if not isinstance(values, dict):
            raise UserError("it must be a mapping of parameters to values")
        merge(document, values)
        parse(document)
    except UserError as error:
        raise UserError(f"with {path}, {error}") from None
    return values
