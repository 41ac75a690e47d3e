"""Learning curves as DVCLive writes them, so that DVC and its extensions see them live."""

from collections.abc import Callable
from pathlib import Path

from dvclive import Live

from agegender.networks.training import Epoch


def recorder(live: Live) -> Callable[[Epoch], None]:
    """A function that records one epoch's values, ``{"train": {"loss": ...}, ...}``."""

    def record(epoch: Epoch) -> None:
        for split, values in epoch.items():
            for name, value in values.items():
                live.log_metric(f"{split}/{name}", value)
        live.next_step()

    return record


def start(folder: Path) -> Live:
    """DVCLive in ``folder``, as a context manager; dvc.yaml and experiments stay DVC's matter."""
    return Live(str(folder), dvcyaml=None, save_dvc_exp=False, monitor_system=False)
