"""Nothing that a user's machine is set to changes a result: what a process here inherits.

Settings that libraries and Python read when they are loaded are put right by starting again.
"""

import os
import sys

# By the start of their names.
_DROPPED = (
    # Another backend; a limit of epochs or steps.
    "KERAS_",
    # Other kernels, XLA, other numbers of threads.
    "TF_",
    "XLA_",
    # Instruction sets and threads, and so the order of sums and the last digits.
    "ONEDNN_",
    "DNNL_",
    "MKL_",
    "OMP_",
    "OPENBLAS_",
    "NPY_",
    # The same on a GPU.
    "CUBLAS_",
    "CUDNN_",
    "NVIDIA_TF32",
    # Behaviour of later versions.
    "PANDAS_",
    "SCIPY_",
    # The order of features in a record.
    "PROTOCOL_BUFFERS_",
    # A disk that may be full.
    "SQLITE_TMPDIR",
    # Of Python: the order of sets, no assertions, warnings that are errors, ASCII alone, a prompt.
    "PYTHONHASHSEED",
    "PYTHONOPTIMIZE",
    "PYTHONWARNINGS",
    "PYTHONDEVMODE",
    "PYTHONIOENCODING",
    "PYTHONINSPECT",
)
# Of these, what changes no number: the machines of a multi-worker run, GPU memory, the log.
_KEPT = ("TF_CONFIG", "TF_GPU_ALLOCATOR", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_CPP_")
SETTINGS = {
    # No ~/.keras/keras.json: floatx, channels_first, backend.
    "KERAS_HOME": os.devnull,
    # Keras loads matplotlib where it is installed, and fails at a notebook's settings.
    "MPLBACKEND": "agg",
    "MATPLOTLIBRC": os.devnull,
    # Of speed; `make bench` compares them with the defaults. By default glibc returns large tensors
    # to the kernel whenever they are freed, and then gets them back page by page, zeroed, which
    # takes up to a third of a training step.
    "GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184"
    ":glibc.malloc.top_pad=67108864:glibc.malloc.arena_max=1",
    # oneDNN's kernels, which TensorFlow by default uses only where the processor has AVX-512.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # File names and messages beyond ASCII, whatever the locale.
    "PYTHONUTF8": "1",
    "TZ": "UTC",
}


def seal() -> None:
    """Start ``python -m`` again, as the same process, unless its environment is sealed already."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_KEPT) or not name.startswith(_DROPPED)
    }
    if kept | SETTINGS != os.environ:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], kept | SETTINGS)
