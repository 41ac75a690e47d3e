"""What is killed, stopped or starved goes on, and says so; what is damaged is named."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.clones import differences
from tests.conftest import Reproduced
from tests.crashes import at_work, finish, left_behind, wait_until


def test_killed_stages_end_in_the_same_bytes(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    clone.forget("download", "split", "embed_vgg16")
    assert finish(clone, random.Random(4), kills=3, seconds=6) == 3
    assert differences(reproduced.clone.path, clone.path) == []
    assert left_behind(clone.path) == []


# Runs train_custom and, after so many epochs, sends the process a signal.
SIGNALLED = """
import os, sys
from dvclive import Live
from stages import train_custom
from stages.common.stage import run

next_step = Live.next_step

def signalled(live):
    next_step(live)
    if live.step == int(sys.argv[1]):
        os.kill(os.getpid(), int(sys.argv[2]))

Live.next_step = signalled
run(train_custom.main)
"""
# Runs it such that, after an epoch, no file may grow beyond some bytes: fewer than training saves.
LIMITED = """
import resource
from dvclive import Live
from stages import train_custom
from stages.common.stage import run

next_step = Live.next_step

def limited(live):
    next_step(live)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

Live.next_step = limited
run(train_custom.main)
"""


def test_training_starved_stopped_and_killed_ends_in_the_same_bytes(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    model = clone.path / "models/custom.keras"
    before = model.read_bytes()

    starved = clone.run("python", "-c", LIMITED, fails=True)
    assert starved.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in starved and model.read_bytes() == before

    stopped = clone.run("python", "-c", SIGNALLED, "2", str(int(signal.SIGINT)), fails=True)
    (answer,) = (line for line in stopped.splitlines() if "interrupted" in line)
    assert "saved after epoch" in answer and "Traceback" not in stopped

    killed = clone.run("python", "-c", SIGNALLED, "3", str(int(signal.SIGKILL)), fails=True)
    assert "resuming after epoch" in killed
    assert "resuming" in clone.run("python", "-m", "stages.train_custom")
    assert model.read_bytes() == before
    assert left_behind(clone.path) == []


def test_ctrl_c_is_answered_while_a_stage_is_imported() -> None:
    script = (
        "import sys; sys.argv[0] = '-m'; import stages, os, signal, time\n"
        "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (130, "")
    assert ran.stderr == "interrupted before any work of this stage began\n"


@pytest.mark.parametrize("shell", ["", "; true"])
def test_a_stage_ends_with_dvc(tmp_path: Path, shell: str) -> None:
    # A shell that has something else to do makes no way for its command.
    # It pauses for the first time when it has found DVC.
    stage = (
        "import os, pathlib, threading, time; from stages import process; pause = time.sleep\n"
        f"file = pathlib.Path({str(tmp_path)!r}, str(os.getpid()))\n"
        "time.sleep = lambda seconds: (file.touch(), pause(seconds))\n"
        "process.begin(); threading.Event().wait(600)"
    )
    command = f'{sys.executable} -c "{stage}"{shell}'
    dvc = f"import subprocess; subprocess.run(['/bin/sh', '-c', {command!r}])"
    environment = os.environ | {"SHELL": "/bin/sh", "DVC_STAGE": "any"}
    with subprocess.Popen([sys.executable, "-c", dvc], env=environment) as run:
        wait_until(lambda: bool(list(tmp_path.iterdir())))
        (started,) = (psutil.Process(int(path.name)) for path in tmp_path.iterdir())
        run.kill()
    wait_until(lambda: not at_work(started))


def test_damage_is_reported_with_its_file(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    file = clone.path / "data/tfrecords/validation-00000-of-00001.tfrecord"
    content = bytearray(file.read_bytes())
    content[3000] ^= 1
    # DVC's cache may be linked to it.
    file.unlink()
    file.write_bytes(content)
    printed = clone.run("python", "-m", "stages.train_custom", fails=True).splitlines()
    assert printed[-1].startswith("error: ") and f"{file.name} is damaged" in printed[-1]
    assert not [line for line in printed if "Traceback" in line]


def test_training_that_ends_in_its_last_step_is_not_lost(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    script = """
from unittest.mock import patch
from stages import train_custom
from stages.training import run
with patch.object(run, "write_metrics", side_effect=OSError(28, "No space left on device")):
    train_custom.main()
"""
    assert "No space left" in clone.run("python", "-c", script, fails=True)
    assert list((clone.path / "progress/train_custom").glob("*/network1.npz"))


def test_unfinished_work_belongs_to_its_inputs(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    script = """
from stages.common.stage import parameters
from stages.common import unfinished
print(unfinished.key("train_custom", parameters("train_custom")))
"""
    before = clone.run("python", "-c", script)
    cache = clone.path / "agegender/custom/__pycache__/of_another_python.pyc"
    cache.parent.mkdir(exist_ok=True)
    cache.touch()
    assert clone.run("python", "-c", script) == before
    with (clone.path / "agegender/custom/network.py").open("a") as code:
        code.write("# changed\n")
    assert clone.run("python", "-c", script) != before


def test_what_vanishes_during_the_work_is_named(tmp_path: Path) -> None:
    (tmp_path / "input").touch()
    (tmp_path / "recipes").mkdir()
    for name in ("dvc.yaml", "params.yaml", "recipes/random-split.csv"):
        (tmp_path / name).write_text(Path(name).read_text())
    script = """
from pathlib import Path
from agegender.common.errors import UserError
from stages.common.stage import run

def inputs():
    if not Path("input").exists():
        raise UserError("input is missing")

def main():
    Path("input").unlink()
    raise ValueError("as TensorFlow says it")

run(main, inputs)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (1, "error: input is missing\n")
