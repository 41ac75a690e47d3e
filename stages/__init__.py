"""One thin script per stage of dvc.yaml: read what is declared, call the library, write outputs."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("dvclive") is None:
    # DVC has removed the stage's outputs by now: rather go on than lose a model.
    python = Path(os.environ.get("DVC_ROOT", ".")).resolve() / ".venv/bin/python"
    if python.exists() and Path(sys.prefix).resolve() != python.parent.parent.resolve():
        os.execv(python, [str(python), *sys.orig_argv[1:]])
    raise SystemExit(
        f"error: {sys.executable} lacks the packages of requirements.txt; "
        "run `. .venv/bin/activate` first, or `make repro`, which needs none of that"
    )

from stages.common import environment, process

# While `python -m` looks for a stage, this stands in place of the program's name.
if sys.argv[0] == "-m":
    environment.seal()
    process.begin()
