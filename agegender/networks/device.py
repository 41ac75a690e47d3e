"""What TensorFlow computes on, in which precision, and that two runs give the same bytes."""

import logging
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

logger = logging.getLogger(__name__)

# Of x86 processors, by the names that Linux has for them.
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
_CPU_INFO = Path("/proc/cpuinfo")


def enable_determinism(seed: int, intra_op_threads: int | None = None) -> None:
    """Make all that follows in this process a function of its inputs and these numbers.

    The number of threads inside an operation decides in which order partial sums are added, and
    so the last bits of a gradient; training therefore sets it rather than leave it to the machine.
    Also lets GPU memory grow as needed, and logs which device computes.

    Args:
        seed: of initial weights and dropout.
        intra_op_threads: None for the machine's number.

    Raises:
        RuntimeError: TensorFlow has already run something in this process.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    if intra_op_threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(intra_op_threads)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    logger.info("computing on %s", device_names() or "the CPU (TensorFlow sees no GPU)")


def device_names() -> str:
    """The GPUs that compute, separated by commas; empty if the CPU does."""
    gpus = tf.config.list_physical_devices("GPU")
    details = map(tf.config.experimental.get_device_details, gpus)
    return ", ".join(str(each.get("device_name", "GPU")) for each in details)


def has_bfloat16() -> bool:
    """Whether a GPU, or else the processor, is known to compute in bfloat16.

    A processor without instructions for it imitates it, many times slower than float32.
    """
    if tf.config.list_physical_devices("GPU"):
        return True
    if platform.machine() != "x86_64" or not _CPU_INFO.exists():
        return False
    lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not _BFLOAT16_FLAGS.isdisjoint(flags.split())


def warn_if_unsupported(precision: str) -> None:
    """Log a warning where layers will not compute in this precision."""
    if precision == "bfloat16" and not has_bfloat16():
        logger.warning("this processor is not known to have bfloat16: computing in float32 instead")


@contextmanager
def dtype_policy(precision: str) -> Iterator[None]:
    """Layers made within compute in this precision, ``float32`` or ``bfloat16``, if they can.

    Their weights are float32 in any case, and so are layers in bfloat16 on a processor without.
    """
    before = keras.config.dtype_policy()
    mixed = precision == "bfloat16" and has_bfloat16()
    keras.config.set_dtype_policy("mixed_bfloat16" if mixed else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
