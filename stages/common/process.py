"""What the process of a stage owes to whoever started it: to stop when told to, and with DVC."""

import atexit
import gc
import os
import signal
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO

import psutil

INTERRUPTED = 130
# The terminal or log, also while the libraries' greetings are held back.
_STDERR = os.dup(2)
_greetings: IO[bytes] | None = None


def begin() -> None:
    """Before the imports, which take seconds: answer Ctrl-C, and stop when DVC is killed."""
    imports_begin()
    signal.signal(signal.SIGINT, _interrupted)
    if "DVC_STAGE" in os.environ:
        threading.Thread(target=_stop_with_dvc, daemon=True).start()


def imports_begin() -> None:
    """Before TensorFlow is imported: show what is written to stderr only if the import fails.

    TensorFlow greets there, from C++, before it looks at its log level. A third of the import would
    go into looking for garbage among its modules, now and at the end of the process.
    """
    gc.disable()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    global _greetings
    # On a full disk they are shown.
    with suppress(OSError):
        _greetings = tempfile.TemporaryFile()  # noqa: SIM115
        os.dup2(_greetings.fileno(), 2)
        atexit.register(_show_greetings)


def imports_done() -> None:
    """Write to the terminal or log again; what has been imported stays to the end."""
    gc.freeze()
    gc.enable()
    global _greetings
    if _greetings:
        atexit.unregister(_show_greetings)
        sys.stderr.flush()
        os.dup2(_STDERR, 2)
        _greetings.close()
        _greetings = None


def _show_greetings() -> None:
    sys.stderr.flush()
    if _greetings:
        _greetings.seek(0)
        os.write(_STDERR, _greetings.read())


def _interrupted(number: int, frame: FrameType | None) -> None:
    # No exception: some libraries do not survive one while they are imported.
    start = b"\n" if os.isatty(_STDERR) else b""
    os.write(_STDERR, start + b"interrupted before any work of this stage began\n")
    os._exit(INTERRUPTED)


def _stop_with_dvc() -> None:
    """Stop when DVC is killed: the next run must not find this stage at work."""
    with suppress(psutil.Error, ProcessLookupError):
        parent, *others = psutil.Process().parents()
        # DVC starts a stage in its own process group; another parent has inherited an orphan.
        if os.getpgid(parent.pid) == os.getpgrp():
            # DVC starts a stage through the user's shell. Most shells make way for their command.
            shell = Path(os.environ.get("SHELL") or "sh").name
            dvc = others[0] if others and parent.name() == shell else parent
            while os.getppid() == parent.pid and dvc.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.2)
    os._exit(1)
