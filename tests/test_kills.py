"""What is killed, stopped or starved goes on, and says so; what is damaged is named."""

import os
import random
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.clones import differences
from tests.conftest import Reproduced
from tests.crashes import at_work, finish, left_behind, wait_until

# Embeds all photos, and is killed before the embeddings are in place.
KILLED_EMBEDDING = """
import os, signal
from pathlib import Path
from stages import embed_vgg16

rename = Path.rename

def kill(path, target):
    if path.name == "embeddings.partial":
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(path, target)

Path.rename = kill
embed_vgg16.main()
"""


@pytest.mark.long
def test_killed_stages_end_in_the_same_bytes(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    clone.forget("download", "split", "embed_vgg16")
    clone.run("python", "-c", KILLED_EMBEDDING, fails=True)
    embedded = (clone.path / "progress/embed_vgg16").glob("*/*.npy")
    assert sorted(path.name for path in embedded) == ["train.npy", "validation.npy"]
    assert finish(clone, random.Random(4), kills=2, seconds=6) == 2
    assert differences(reproduced.clone.path, clone.path) == []
    assert left_behind(clone.path) == []


# Runs train_custom and, after its first epoch, answers as to Ctrl-C.
STOPPED = """
import os, signal
from dvclive import Live
from stages import train_custom
from stages.common.stage import run

next_step = Live.next_step

def stopped(live):
    next_step(live)
    os.kill(os.getpid(), signal.SIGINT)

Live.next_step = stopped
run(train_custom.main)
"""
# Runs it and kills it when the model is trained, before all outputs are written.
KILLED = """
import os, signal
from unittest.mock import patch
from stages import train_custom
from stages.common import stage
from stages.training import run

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

with patch.object(run, "write_metrics", kill):
    stage.run(train_custom.main)
"""


@pytest.mark.long
def test_training_stopped_and_killed_ends_in_the_same_bytes(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    model = clone.path / "models/custom.keras"
    before = model.read_bytes()

    file = clone.path / "data/tfrecords/validation-00000-of-00001.tfrecord"
    whole = file.read_bytes()
    # DVC's cache may be linked to it.
    file.unlink()
    file.write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])
    damaged = clone.run("python", "-m", "stages.train_custom", fails=True)
    assert f"{file.name} is damaged" in damaged.splitlines()[-1]
    assert "Traceback" not in damaged and model.read_bytes() == before
    file.write_bytes(whole)

    stopped = clone.run("python", "-c", STOPPED, fails=True)
    assert "Traceback" not in stopped and model.read_bytes() == before
    (answer,) = (line for line in stopped.splitlines() if "interrupted" in line)
    assert "saved after epoch 1" in answer

    assert "resuming after epoch 1" in clone.run("python", "-c", KILLED, fails=True)
    assert list((clone.path / "progress/train_custom").glob("*/network1.npz"))
    assert "resuming after epoch 3" in clone.run("python", "-m", "stages.train_custom")
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


def test_unfinished_work_belongs_to_its_inputs(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    script = """
from pathlib import Path
from stages.common.stage import parameters
from stages.common import unfinished

def key():
    return unfinished.key("train_custom", parameters("train_custom"))

before = key()
cache = Path("agegender/custom/__pycache__/of_another_python.pyc")
cache.parent.mkdir(exist_ok=True)
cache.touch()
assert key() == before
with Path("agegender/custom/network.py").open("a") as code:
    code.write("# changed\\n")
assert key() != before
"""
    clone.run("python", "-c", script)


def test_what_vanishes_or_fills_up_during_the_work_is_named(tmp_path: Path) -> None:
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

def vanishes():
    Path("input").unlink()
    raise ValueError("as TensorFlow says it")

def fills_up():
    Path("/dev/full").write_text("more than there is room for")

try:
    run(fills_up)
except SystemExit as error:
    print(error)
run(vanishes, inputs)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (1, "error: input is missing\n")
    full = "error: the disk that holds the project's folder is full; free some space"
    assert ran.stdout.startswith(full) and len(ran.stdout.splitlines()) == 1
