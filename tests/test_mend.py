import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import Reproduced
from tools.mend import mend


@pytest.fixture
def project(reproduced: Reproduced, tmp_path: Path) -> Path:
    """The files that DVC writes in place, as a run leaves them."""
    for name in ("dvc.lock", "progress/dvc.lock", ".dvc/tmp/rwlock"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((reproduced.clone.path / name).read_bytes())
    return tmp_path


def test_what_is_whole_is_left_alone(project: Path) -> None:
    before = (project / "dvc.lock").read_bytes()
    assert list(mend(project)) == []
    assert (project / "dvc.lock").read_bytes() == before


def test_a_half_written_lock_file_is_found_at_every_length(project: Path) -> None:
    lock, kept = project / "dvc.lock", project / "progress/dvc.lock"
    whole = lock.read_bytes()
    # DVC writes as the buffer of a text file does.
    halves = [whole[:length].rstrip(b"\n") for length in range(0, len(whole) - 1, 8192)]
    # This one is a lock file too.
    halves.append(whole[: whole.index(b"  split:\n")])
    for half in halves:
        lock.write_bytes(half)
        assert len(list(mend(project))) == 1
        assert lock.read_bytes() == kept.read_bytes()
    lock.write_bytes(whole[:8192])
    kept.unlink()
    assert len(list(mend(project))) == 1
    assert not lock.exists()


def test_a_killed_process_blocks_nobody(project: Path) -> None:
    rwlock = project / ".dvc/tmp/rwlock"
    rwlock.write_bytes(b"")
    assert len(list(mend(project))) == 1
    assert not rwlock.exists()

    waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE) as other:
        began = psutil.Process(other.pid).create_time()
        holder = {"pid": other.pid, "cmd": "dvc repro"}
        mine = {"pid": os.getpid(), "cmd": "dvc repro"}
        rwlock.write_text(json.dumps({"write": {"a": holder, "b": mine}, "read": {"c": [holder]}}))
        os.utime(rwlock, (began + 60, began + 60))
        assert list(mend(project)) == []
        # Written before that process began: another one had the number.
        os.utime(rwlock, (began - 2, began - 2))
        assert len(list(mend(project))) == 1
        assert json.loads(rwlock.read_text()) == {"write": {"b": mine}, "read": {}}
