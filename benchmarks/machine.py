"""The machine in words."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe() -> str:
    """Processor, cores, memory, system and the versions that matter, in a sentence."""
    name = platform.processor() or platform.machine()
    flags: set[str] = set()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() == "flags":
                flags = set(value.split())
    units = [
        words
        for flag, words in (("avx512f", "AVX-512"), ("avx512_bf16", "AVX-512 BF16"))
        if flag in flags
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{name}{' with ' + ' and '.join(units) if units else ''}, {os.cpu_count()} cores, "
        f"{memory:.0f} GiB of memory, {platform.system()}; Python {platform.python_version()}, "
        f"TensorFlow {version('tensorflow')}, DVC {version('dvc')}"
    )
