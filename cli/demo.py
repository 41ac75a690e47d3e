"""``python -m agegender demo``: a page to try the models on."""

import argparse
import errno
import sys
from pathlib import Path

from agegender.common.errors import UserError
from cli.metrics import TITLES
from cli.predict import MODELS, choose, load, origin


def demo(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        UserError: there is no such model, or the port is in use.
    """
    if not 0 <= arguments.port < 2**16:
        raise UserError(f"--port is {arguments.port}; expected 0 to {2**16 - 1}")
    paths = [choose(name) for name in arguments.model] or _defaults()
    predictors = {_title(path): load(path, "all", aligned=False) for path in paths}

    from agegender.demo.app import make_app, serve

    def announce(address: str) -> None:
        print(f"{address} shows {'; '.join(predictors)}; Ctrl-C ends it", flush=True)

    try:
        serve(make_app(predictors), arguments.port, announce)
    except KeyboardInterrupt:
        print(file=sys.stderr)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise UserError(
            f"port {arguments.port} cannot be used ({error.strerror}); give another by --port"
        ) from None


def _defaults() -> list[Path]:
    """The model that predict would use, and the pipeline's other one if it is the pipeline's."""
    first = choose("")
    other = MODELS / "vgg16.keras"
    return [first, other] if first.parent == MODELS and other.exists() else [first]


def _title(path: Path) -> str:
    whose = origin(path)
    # Models from elsewhere may all have the same name.
    name = str(path) if whose == "your own" else TITLES.get(path.stem, path.stem)
    return f"{name}, {whose.partition(';')[0]}"
