"""Learning curves as DVCLive writes them, so that DVC and its extensions see them live; times."""

from collections.abc import Callable, Sequence
from pathlib import Path

from dvclive import Live

from agegender.training.training import Epoch, History
from stages.common.stage import record_time


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


def record_times(stage: str, model: Path, histories: Sequence[History]) -> None:
    """Keep how long training all members took, and each of their epochs; see `record_time`."""
    earlier = sum(history.earlier_seconds for history in histories)
    seconds = [second for history in histories for second in history.seconds]
    record_time(stage, model, earlier, epoch_seconds=seconds)
