"""What a user's environment and dotfiles say changes no result."""

from pathlib import Path

import pytest
import yaml

from tests.clones import ROOT, Clone, differences
from tests.conftest import Reproduced

HOSTILE = {
    "CUDA_VISIBLE_DEVICES": "",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA",
    "KERAS_BACKEND": "jax",
    "KERAS_MAX_EPOCHS": "1",
    "LC_ALL": "C",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "PANDAS_FUTURE_INFER_STRING": "0",
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python",
    "PYTHONHASHSEED": "7",
    "PYTHONIOENCODING": "ascii",
    "PYTHONOPTIMIZE": "2",
    "PYTHONUTF8": "0",
    "SQLITE_TMPDIR": "/missing",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "TZ": "Asia/Kathmandu",
}
KERAS = """{"floatx": "float64", "epsilon": 0.001, "image_data_format": "channels_first"}"""


@pytest.mark.long
def test_a_hostile_environment_changes_no_byte(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    home, temporary = tmp_path / "user", tmp_path / ("t" * 100)
    temporary.mkdir()
    for file, text in {
        ".keras/keras.json": KERAS,
        ".config/matplotlib/matplotlibrc": "text.usetex: True\nbackend: unknown\n",
    }.items():
        (home / file).parent.mkdir(parents=True)
        (home / file).write_text(text)
    clone.env |= HOSTILE | {"HOME": str(home), "TMPDIR": str(temporary)}
    stages = ("split", "train_custom", "report")
    clone.forget(*stages)
    printed = clone.run("/bin/sh", "-c", "umask 077; dvc repro")
    assert all(f"Running stage '{stage}'" in printed for stage in stages)
    assert "Traceback" not in printed
    assert differences(reproduced.clone.path, clone.path) == []
    lock = yaml.safe_load((reproduced.clone.path / "dvc.lock").read_text())
    assert yaml.safe_load((clone.path / "dvc.lock").read_text()) == lock


def test_make_shields_dvc_as_well(tmp_path: Path) -> None:
    # These keep Python from finding the stages, and DVC from starting.
    clone = Clone(ROOT, tmp_path)
    clone.env |= {"PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "error", "PYTHONPATH": "/missing"}
    rule = r"include Makefile\nshielded:\n\t@$(USE_VENV); dvc root; python -m agegender check\n"
    make = f"printf '{rule}' | make --no-print-directory -f - shielded"
    assert clone.run("/bin/sh", "-c", make).startswith(".\nparams.yaml: all parameters are valid")
