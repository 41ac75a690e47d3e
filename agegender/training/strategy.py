"""Where a network is trained: on one device, on several GPUs, or on several machines."""

import tensorflow as tf

from agegender.training import multi_worker


def strategy(name: str, work: str) -> tf.distribute.Strategy:
    """The strategy of tf.distribute that a parameter names.

    To be called when TensorFlow is configured and has not run anything yet.

    Args:
        name: ``auto``: several GPUs if there are, else one device; ``mirrored``: all GPUs, or CPU
            devices, of this machine; ``multi_worker``: the machines of TF_CONFIG.
        work: what is to be done, equal on all machines if and only if their work is.

    Raises:
        UserError: TF_CONFIG is missing or wrong, or a machine has other work.
    """
    if name == "multi_worker":
        return multi_worker.connect(work)
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or len(gpus) > 1:
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()
