"""The two networks: how they are built, fed, trained, resumed and saved.

Importing this package imports TensorFlow, which takes seconds; so only stages that run a network
import it.
"""

import os

from agegender.common.quiet import quiet_stderr

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
with quiet_stderr():
    import keras  # noqa: F401
