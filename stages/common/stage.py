"""What every stage script does alike: read its declared parameters, and fail with one line."""

import errno
import logging
import os
import platform
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import yaml

from agegender.common.errors import DamagedFileError, UserError
from agegender.common.files import atomic_write, sha256, write_json
from agegender.common.parameters import Section
from stages.common import process

_STARTED = time.monotonic()
_saved: Callable[[], str] = str
SectionType = TypeVar("SectionType", bound=Section)


def project_root() -> Path:
    """The folder that the user works in, also for an experiment that DVC runs in another folder.

    Relative paths in params.yaml and everything kept between runs belong here.
    """
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def record_time(
    stage: str, output: Path, earlier: float = 0.0, gpus: str = "", **more: Any
) -> None:
    """Record how long it took to write ``output``, on which machine, and what else there is to say.

    That is how long this process has been running, and ``earlier``, the seconds that interrupted
    ones spent on what it continued. Records lie in timings/, which is neither DVC's nor git's:
    outputs hold no times, and not even the machine, which can change their last digits. A record is
    found by the output's digest, also where the output comes from a cache.
    """
    system = f"{platform.system()} {platform.machine()}"
    cores = f"{os.cpu_count()} cores of {_processor()}"
    python = f"Python {platform.python_version()}"
    record = {
        "stage": stage,
        "seconds": time.monotonic() - _STARTED + earlier,
        "machine": ", ".join(filter(None, (system, cores, gpus, python))),
        **more,
    }
    with atomic_write(time_record(stage, sha256(output))) as path:
        write_json(path, record)


def time_record(stage: str, digest: str) -> Path:
    """Where the time is recorded that a stage took to write the output of this digest."""
    return project_root() / "timings" / stage / f"{digest[:16]}.json"


def _processor() -> str:
    with suppress(OSError):
        names = re.findall("^model name\\s*: (.+)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        return names[0] if names else platform.machine()
    return platform.processor() or platform.machine()


class Parameters:
    """The parameters that one stage's block in dvc.yaml declares, and no others."""

    def __init__(self, stage: str, declared: dict[str, Any]) -> None:
        self._stage = stage
        self.values = declared

    def __getitem__(self, name: str) -> Any:
        """The parameter of this dotted name.

        Raises:
            UserError: the stage's block in dvc.yaml does not declare it.
        """
        value: Any = self.values
        for part in name.split("."):
            if not isinstance(value, dict) or part not in value:
                raise UserError(
                    f"dvc.yaml: stage '{self._stage}' reads the parameter '{name}' without "
                    "declaring it; add it to the stage's params"
                )
            value = value[part]
        return value

    def section(self, name: str, kind: type[SectionType]) -> SectionType:
        """The section of this name, checked.

        Raises:
            UserError: it is not declared, or a value in it is wrong.
        """
        try:
            return kind.parse(self[name], name)
        except UserError as error:
            raise UserError(f"params.yaml: {error}") from None


def parameters(stage: str) -> Parameters:
    """What dvc.yaml declares for ``stage``: a stage's name, with its ``@item`` in a matrix."""
    import dvc.api
    from dvc.exceptions import DvcException

    try:
        return Parameters(stage, dvc.api.params_show(stages=stage))
    except DvcException as error:
        raise UserError(f"the parameters of stage '{stage}' cannot be read: {error}") from error


def when_interrupted(saved: Callable[[], str]) -> None:
    """Ctrl-C asks ``saved`` what is saved of this stage's work; empty says nothing is."""
    global _saved
    _saved = saved


def run(stage: Callable[[], None], inputs: Callable[[], None] = lambda: None) -> None:
    """Run a stage's ``main`` and turn the user's mistakes and the machine's limits into one line.

    First the whole of params.yaml is checked, so that a mistake in a later stage's section is
    found before the work of this one. That is done in a process of its own, since this stage's
    result depends on no other stage's parameters, nor on the code that knows them.

    Args:
        stage: its ``main``.
        inputs: looks for damage in what the stage reads, should the work fail in a way that
            nobody foresaw.

    Raises:
        SystemExit: with the one line, if anything went wrong.
    """
    process.imports_done()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _configure_logging()
    try:
        # Ctrl-C is answered here, and so not in the other process group.
        check = [sys.executable, "-m", "agegender", "check"]
        quiet = subprocess.DEVNULL
        if subprocess.run(check, check=False, process_group=0, stdout=quiet).returncode:
            _put_back_outputs()
            raise SystemExit(1)
        try:
            stage()
        except (UserError, OSError, sqlite3.Error):
            raise
        except Exception:
            inputs()
            raise
    except DamagedFileError as error:
        raise SystemExit(f"error: {error}{_remedy(error.path)}") from None
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        saved = _saved()
        then = "goes on from there" if saved else "starts it again"
        start = "\n" if sys.stderr.isatty() else ""
        saved = saved or "nothing of this stage is saved"
        sys.stdout.flush()
        print(f"{start}interrupted; {saved}; the next run {then}", file=sys.stderr, flush=True)
        # Without the libraries' own shutdown, which may wait or complain.
        os._exit(process.INTERRUPTED)
    except sqlite3.Error as error:
        # DVC and DVCLive keep a database of what they have seen.
        raise SystemExit(
            f"error: DVC's database cannot be used ({error}); is the disk full?"
        ) from None
    except OSError as error:
        message = _explain(error)
        if message is None:
            raise
        raise SystemExit(f"error: {message}") from None


def _remedy(path: Path) -> str:
    """The command that writes a damaged file again: of the stage that has it among its outputs."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, block in stages.items():
        for out in [*block.get("outs", []), *block.get("metrics", [])]:
            pattern = re.sub(r"\$\{.*?\}", "*", out if isinstance(out, str) else next(iter(out)))
            if any(each.match(pattern) for each in (path, *path.parents)):
                # Forced, since DVC need not have noticed the damage.
                return f"; write it again with `dvc repro -sf {name}`"
    return ""


def _configure_logging() -> None:
    """The project's messages are plain lines on stderr; of libraries only warnings are shown."""
    logging.basicConfig(format="%(message)s", force=True)
    for package in ("__main__", "agegender", "portraits", "stages"):
        logging.getLogger(package).setLevel(logging.INFO)


def _put_back_outputs() -> None:
    """Bring back what DVC has just removed: it clears a stage's outputs before it starts it."""
    name = os.environ.get("DVC_STAGE")
    if name is None:
        return
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with Repo() as repo:
        for out in repo.stage.load_one(name=name).outs:
            if out.exists:
                continue
            if out.use_cache:
                # What was never made cannot be brought back.
                with suppress(DvcException):
                    out.checkout(force=True)
            else:
                git = ["git", "checkout", "--quiet", "--", out.fs_path]
                subprocess.run(git, check=False, stderr=subprocess.DEVNULL)


def _explain(error: OSError) -> str | None:
    where = error.filename or "the project's folder"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"the disk that holds {where} is full; free some space and run this again"
        case errno.EFBIG:
            where = error.filename or "a file"
            return f"{where} would be larger than files may be here; see `ulimit -f`"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return f"{where} cannot be written or read ({error.strerror}); check its permissions"
        case errno.ENOENT:
            return f"{where} is missing; `dvc repro` makes it, `dvc checkout` restores it"
    return None
