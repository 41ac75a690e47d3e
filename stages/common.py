"""What every stage script does alike: read its declared parameters, and fail with one line."""

import errno
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from agegender import timings
from agegender.errors import UserError
from agegender.parameters.base import Section

_STARTED = time.monotonic()
SectionType = TypeVar("SectionType", bound=Section)


def project_root() -> Path:
    """The folder that the user works in, also for an experiment that DVC runs in another folder.

    Relative paths in params.yaml and everything kept between runs belong here.
    """
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def record_time(stage: str, output: Path, **more: Any) -> None:
    """Keep how long this process took to write ``output``, and what else there is to say of it.

    Times lie in timings/, which is neither DVC's nor git's: no result depends on them.
    """
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    seconds = time.monotonic() - _STARTED
    timings.record(project_root() / "timings", stage, output, seconds, machine=machine, **more)


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
        return kind.parse(self[name], name)


def parameters(stage: str) -> Parameters:
    """What dvc.yaml declares for ``stage``: a stage's name, with its ``@item`` in a matrix."""
    import dvc.api
    from dvc.exceptions import DvcException

    try:
        return Parameters(stage, dvc.api.params_show(stages=stage))
    except DvcException as error:
        raise UserError(f"the parameters of stage '{stage}' cannot be read: {error}") from error


def run(stage: Callable[[], None]) -> None:
    """Run a stage's ``main`` and turn the user's mistakes and the machine's limits into one line.

    First the whole of params.yaml is checked, so that a mistake in a later stage's section is
    found before the work of this one. That is done in a process of its own, since this stage's
    result depends on no other stage's parameters, nor on the code that knows them.
    """
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    check = subprocess.run([sys.executable, "-m", "agegender", "check"], check=False)
    if check.returncode:
        raise SystemExit(1)
    try:
        stage()
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(
            "interrupted; what was finished is kept, and the next `dvc repro` goes on from there"
        ) from None
    except OSError as error:
        message = _explain(error)
        if message is None:
            raise
        raise SystemExit(f"error: {message}") from None


def _end_with_parent(parent: int) -> None:
    """End this process when DVC, its parent, is killed: the next run must not find it at work."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _explain(error: OSError) -> str | None:
    where = error.filename or "the project's folder"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"the disk that holds {where} is full; free some space and run this again"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return f"{where} cannot be written or read ({error.strerror}); mend its permissions"
        case errno.ENOENT:
            return f"{where} is missing; `dvc repro` makes it, `dvc checkout` restores it"
    return None
