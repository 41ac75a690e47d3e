"""What the process of a stage owes to whoever started it: to end when told to, and with DVC."""

import fcntl
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

INTERRUPTED = 130
# The terminal or log, also while a library's greetings are held back.
_STDERR = os.dup(2)


def begin() -> None:
    """Before the stage's imports, which take seconds: answer Ctrl-C, and end when DVC is killed."""
    signal.signal(signal.SIGINT, _end_interrupted)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def wait_for_earlier() -> None:
    """Wait until an earlier run of this stage in this folder has ended, and keep later ones off.

    One whose DVC was killed ends a moment later; until then it may still write.
    """
    # Where the file system knows no locks, DVC's own start is enough of a pause.
    with suppress(OSError):
        # Held until this process ends.
        fcntl.flock(os.open(sys.argv[0], os.O_RDONLY), fcntl.LOCK_EX)


def _end_interrupted(number: int, frame: FrameType | None) -> None:
    # No exception: not every library stands one in its own imports.
    start = b"\n" if os.isatty(_STDERR) else b""
    os.write(_STDERR, start + b"interrupted before any work of this stage began\n")
    os._exit(INTERRUPTED)


def _end_with(parent: int) -> None:
    """End this process when DVC, its parent, is killed: the next run must not find it at work."""
    by_dvc = "DVC_STAGE" in os.environ
    dvc = _behind_shell(parent) if by_dvc else None
    # DVC starts a stage in its own process group; whoever else is the parent inherited an orphan.
    orphan = by_dvc and _group(parent) != os.getpgrp()
    while not orphan and os.getppid() == parent and (dvc is None or _lives(dvc)):
        time.sleep(0.2)
    os._exit(1)


def _behind_shell(parent: int) -> psutil.Process | None:
    """DVC's process, if the parent is the user's shell, which DVC starts a stage through.

    Most shells make way for their command, and then DVC itself is the parent.
    """
    with suppress(psutil.Error):
        shell = psutil.Process(parent)
        if shell.name() == Path(os.environ.get("SHELL") or "sh").name:
            found: psutil.Process | None = shell.parent()
            return found
    return None


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _group(process: int) -> int | None:
    with suppress(OSError):
        return os.getpgid(process)
    return None
