"""Libraries that greet on stderr when they are imported, and cannot be told not to."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what this process writes to stderr, also from C++, unless an exception is raised.

    It is for importing TensorFlow, whose greetings come before its log level is looked at.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryFile() as greetings:
        stderr = os.dup(2)
        os.dup2(greetings.fileno(), 2)
        try:
            yield
        except Exception:
            greetings.seek(0)
            os.write(stderr, greetings.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
