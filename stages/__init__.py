"""One thin script a stage of dvc.yaml: read what is declared, call the library, write outputs."""

import sys
from importlib.util import find_spec

if find_spec("psutil") is None:
    raise SystemExit(
        f"error: {sys.executable} lacks the packages of requirements.txt; "
        "run `. .venv/bin/activate` first, or `make repro`, which needs none of that"
    )

from stages.common import process

# While `python -m` looks for a stage, this stands in place of the program's name.
if sys.argv[0] == "-m":
    process.begin()
