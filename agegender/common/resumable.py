"""Folders for work that a later run may continue."""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def resumable_folder(parent: Path, key: str) -> Iterator[Path]:
    """A folder in ``parent`` that stays if the work on ``key`` breaks off, and goes when it ends.

    A later call with the same key gets the same folder, unless another process has it. With it go
    those that earlier work on other keys left.

    Args:
        parent: made if it is missing, removed with the last folder in it.
        key: names the work, such as an address.
    """
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    number, lock = 0, None
    # Where another process is at the same work, the next number is free.
    while lock is None:
        folder = parent / f"{name}-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        number, lock = number + 1, _lock(folder)
    try:
        yield folder
        shutil.rmtree(folder)
        for other in sorted(parent.iterdir()):
            if (left := _lock(other)) is not None:
                shutil.rmtree(other, ignore_errors=True)
                os.close(left)
        with suppress(OSError):
            parent.rmdir()
    finally:
        os.close(lock)


def _lock(folder: Path) -> int | None:
    """A descriptor that holds ``folder`` until it is closed; None if another process has it.

    The folder itself is locked, which filelock cannot: no lock file is left, nor one to be removed.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its last holder may have removed it while this process opened it.
        if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError as error:
        # Some network file systems know no locks; work alone there goes well without.
        if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF):
            return descriptor
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
