"""Machines that are lost, or were started on different work: `make test-slow`."""

import signal
from pathlib import Path

import numpy as np

from tests.test_distribution import end, folder, pair, result, start

__all__ = ["folder"]


def test_training_goes_on_after_a_machine_was_lost(folder: Path) -> None:
    first, second = pair(folder, "long")
    assert second.stdout is not None
    for line in second.stdout:
        if "long: epoch 3" in line:
            break
    second.send_signal(signal.SIGKILL)
    (status, printed), _ = end(first, second)
    assert status != 0 and "another machine of TF_CONFIG was lost" in printed, printed
    ended = end(*pair(folder, "long"))
    assert all(status == 0 and "resuming after epoch" in text for status, text in ended), ended

    ended = end(start(folder, "auto:long:alone"))
    assert ended[0][0] == 0, ended
    _, weights = result(folder, "alone", "long")
    for i in range(2):
        for one, another in zip(weights, result(folder, f"machine{i}", "long")[1], strict=True):
            np.testing.assert_allclose(another, one, rtol=1e-2, atol=1e-3)


def test_machines_with_different_work_say_so(folder: Path) -> None:
    ended = end(*pair(folder, "long", "everything"))
    assert any("have different work" in printed for _, printed in ended), ended
    assert all(status == 1 for status, _ in ended), ended
