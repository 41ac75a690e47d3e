"""One thin script a stage of dvc.yaml: read what is declared, call the library, write outputs."""

import sys

from stages import process

# While `python -m` looks for a stage, this stands in place of the program's name.
if sys.argv[0] == "-m":
    process.begin()
