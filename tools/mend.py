"""Mend what a killed DVC leaves behind: files that it writes in place and then cannot read.

`make repro` and `make mend` run `python -m tools.mend`. It prints a line for each thing that it
mended and leaves all else alone, also while another DVC is at work. What it mends:

- ``dvc.lock``, which DVC writes anew behind each stage; a kill, or a full disk, may leave half of
  it. Each stage keeps a copy when it starts, and that is put back: one stage is run again.
- ``.dvc/tmp/rwlock``, the list of who is at work on what. Half of it can be written too, and it may
  name a process that is gone and whose number another one has by now, as in a container that was
  started again; DVC takes that one for the killed one.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from dvc.lock import Lock, LockError
from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK, SCHEMA
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
from voluptuous import Invalid

from agegender.common.files import atomic_write
from stages.common.stage import KEPT_LOCK_FILE, LOCK_FILE


def mend(project: Path) -> Iterator[str]:
    """Mend both files in the folder ``project``; yields what was done, a line each."""
    lock, folder = project / LOCK_FILE, project / ".dvc/tmp"
    # Looked at again under DVC's own lock, since another DVC may be just writing it.
    kept = project / KEPT_LOCK_FILE
    if lock.exists() and not is_whole(lock, kept):
        folder.mkdir(exist_ok=True)
        with suppress(LockError), Lock(str(folder / "lock")):
            yield from _mend_lock(lock, kept)
    if (folder / RWLOCK_FILE).exists():
        with suppress(LockError), Lock(str(folder / RWLOCK_LOCK)):
            yield from _mend_rwlock(folder / RWLOCK_FILE)


def is_whole(lock: Path, kept: Path) -> bool:
    """Whether DVC could read ``lock``, a dvc.lock, and it is not just a part of ``kept``."""
    text = lock.read_text(encoding="utf-8", errors="replace")
    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, str(lock)))
    except (YAMLFileCorruptedError, Invalid):
        return False
    # Half of it may be a lock file too.
    part_of = kept != lock and kept.exists() and kept.read_text(encoding="utf-8").startswith(text)
    return text.endswith("\n") and (not part_of or kept.stat().st_size == lock.stat().st_size)


def _mend_lock(lock: Path, kept: Path) -> Iterator[str]:
    if is_whole(lock, kept):
        return
    if kept.exists() and is_whole(kept, kept):
        _replace(lock, kept.read_text(encoding="utf-8"))
        yield f"{lock.name} was half-written; it is as it was when the last stage began"
    else:
        lock.unlink()
        yield f"{lock.name} was half-written; DVC makes it anew"


def _mend_rwlock(path: Path) -> Iterator[str]:
    try:
        content = SCHEMA(json.loads(path.read_bytes()))
    except (ValueError, Invalid):
        path.unlink()
        yield f"{path.name} was half-written; removed"
        return
    written = path.stat().st_mtime
    gone = {
        holder["pid"]
        for holders in (*content["write"].values(), *content["read"].values())
        for holder in _listed(holders)
        if _began_after(holder["pid"], written)
    }
    if gone:
        write = {at: one for at, one in content["write"].items() if one["pid"] not in gone}
        read = {
            at: [one for one in holders if one["pid"] not in gone]
            for at, holders in content["read"].items()
        }
        read = {at: holders for at, holders in read.items() if holders}
        _replace(path, json.dumps({"write": write, "read": read}))
        numbers = ", ".join(str(pid) for pid in sorted(gone))
        yield f"{path.name} named a process that is gone ({numbers}); removed from it"


def _listed(holders: Any) -> list[dict[str, Any]]:
    return holders if isinstance(holders, list) else [holders]


def _began_after(pid: int, written: float) -> bool:
    """Whether the process ``pid`` began after a file that names it was ``written``.

    Then it only has the same number. DVC itself forgets numbers that nobody has.
    """
    try:
        # Both clocks are coarse.
        return bool(psutil.Process(pid).create_time() > written + 1)
    except psutil.NoSuchProcess:
        return False


def _replace(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main() -> None:
    """Mend this folder's files."""
    for line in mend(Path(".")):
        print(line)


if __name__ == "__main__":
    main()
