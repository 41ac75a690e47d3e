"""What layers compute in: bfloat16 where it is asked for and the processor has it, or float32.

On a processor without instructions for bfloat16 TensorFlow imitates it, many times slower than it
computes in float32.
"""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

# Of x86 processors, by the names that Linux has for them.
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
_PROCESSOR = Path("/proc/cpuinfo")


def has_bfloat16() -> bool:
    """Whether a GPU, or else the processor, is known to compute in bfloat16."""
    if tf.config.list_physical_devices("GPU"):
        return True
    if platform.machine() != "x86_64" or not _PROCESSOR.exists():
        return False
    lines = _PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not _INSTRUCTIONS.isdisjoint(flags.split())


def tell(precision: str, say: Callable[[str], None]) -> None:
    """Say so where this precision is not what layers will compute in."""
    if precision == "bfloat16" and not has_bfloat16():
        say("this processor is not known to have bfloat16: computing in float32 instead")


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made within compute in this precision, ``float32`` or ``bfloat16``, if they can.

    Their weights are float32 in any case, and so are layers in bfloat16 on a processor without.
    """
    before = keras.config.dtype_policy()
    rough = precision == "bfloat16" and has_bfloat16()
    keras.config.set_dtype_policy("mixed_bfloat16" if rough else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
