"""The two networks: how they are built, fed, trained, resumed and saved.

Importing this package imports TensorFlow, which takes seconds; so only stages that run a network
import it. TensorFlow writes greetings to stderr before it can be told not to; they are held back
unless the import fails.
"""

import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

with tempfile.TemporaryFile() as _greetings:
    _stderr = os.dup(2)
    os.dup2(_greetings.fileno(), 2)
    try:
        import keras  # noqa: F401
    except Exception:
        _greetings.seek(0)
        os.write(_stderr, _greetings.read())
        raise
    finally:
        sys.stderr.flush()
        os.dup2(_stderr, 2)
        os.close(_stderr)
