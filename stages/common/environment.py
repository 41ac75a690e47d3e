"""Nothing that a user's machine is set to changes a result: what a process here inherits.

Settings that libraries and Python read when they are loaded are put right by starting again.
"""

import os
import sys
from collections.abc import Mapping

# By the start of their names.
_DROPPED = (
    "KERAS_",  # another backend; a limit of epochs or steps
    "TF_",  # other kernels, XLA, other numbers of threads
    "XLA_",
    "ONEDNN_",  # another instruction set, here and in the next three lines
    "DNNL_",
    "OPENBLAS_",
    "NPY_",
    "MKL_",  # threads, and so the order of sums; also those of OMP_
    "OMP_",
    "CUBLAS_",  # other kernels and another precision on a GPU; also the next two
    "CUDNN_",
    "NVIDIA_TF32",
    "SQLITE_TMPDIR",  # full, perhaps
    "PYTHONDEVMODE",  # warnings
    "PYTHONHASHSEED",  # the order of a set
    "PYTHONINSPECT",  # waits for input in the end
    "PYTHONIOENCODING",  # text that cannot be printed
    "PYTHONOPTIMIZE",  # no assertions
    "PYTHONWARNINGS",  # errors in their place
)
# Of these, what does not change a number: the machines of a multi-worker run, GPU memory, the log.
_KEPT = ("TF_CONFIG", "TF_GPU_ALLOCATOR", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_CPP_")
_SET = {
    "KERAS_HOME": os.devnull,  # not ~/.keras/keras.json: floatx, channels_first, backend
    # Keras loads matplotlib where it is installed, which reads these: a notebook's backend fails.
    "MPLBACKEND": "agg",
    "MATPLOTLIBRC": os.devnull,
    "PYTHONUTF8": "1",  # file names and messages beyond ASCII, whatever the locale
    "TZ": "UTC",
}


def sealed(environment: Mapping[str, str]) -> dict[str, str]:
    """These variables without what could change a result."""
    kept = {
        name: value
        for name, value in environment.items()
        if name.startswith(_KEPT) or not name.startswith(_DROPPED)
    }
    return kept | _SET


def seal() -> None:
    """Start ``python -m`` again, as the same process, unless its environment is sealed already."""
    environment = sealed(os.environ)
    if environment != os.environ:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
