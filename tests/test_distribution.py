"""Training on several devices and by several processes: equal to one device's, and it ends."""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from agegender.common.errors import UserError
from agegender.training.callbacks import Epoch
from agegender.training.strategy import strategy
from tests.tfrecords import write_tfrecords

CASES = ["everything", "long"]
SECONDS = 300


def start(folder: Path, *runs: str, tf_config: str = "") -> "subprocess.Popen[str]":
    """A process that does ``runs``, see `tests.training_worker`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training_worker", str(folder), *runs],
        env=os.environ | ({"TF_CONFIG": tf_config} if tf_config else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(*processes: "subprocess.Popen[str]") -> list[tuple[int, str]]:
    """Each one's status and what it printed."""
    try:
        printed = [process.communicate(timeout=SECONDS)[0] for process in processes]
        return [(p.returncode, text) for p, text in zip(processes, printed, strict=True)]
    finally:
        for process in processes:
            process.kill()


def tf_configs() -> list[str]:
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("", 0))) for _ in range(2)]
        workers = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    return [
        json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})
        for index in range(2)
    ]


def pair(folder: Path, *cases: str) -> list["subprocess.Popen[str]"]:
    """Two machines, the cases of each joined by commas; those of the first if there is one."""
    return [
        start(folder, f"multi_worker:{cases[i % len(cases)]}:machine{i}", tf_config=tf_config)
        for i, tf_config in enumerate(tf_configs())
    ]


def result(folder: Path, work: str, case: str) -> tuple[list[Epoch], list[np.ndarray]]:
    with np.load(folder / work / f"{case}.npz") as arrays:
        weights = [arrays[name] for name in arrays.files]
    return json.loads((folder / work / f"{case}.json").read_text()), weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos for each case: in batches that divide evenly, and with odd ones at the end."""
    folder = tmp_path_factory.mktemp("machines")
    random = np.random.default_rng(0)
    for case, counts in {
        "everything": {"train": 24, "validation": 16},
        "long": {"train": 19, "validation": 15},
    }.items():
        images = {
            split: random.integers(0, 256, (count, 32, 32, 3), np.uint8)
            for split, count in counts.items()
        }
        write_tfrecords(folder / "records" / case, images, years=3)
    return folder


@pytest.mark.long
def test_several_devices_and_machines_train_as_one_does(folder: Path) -> None:
    every = ",".join(CASES)
    ended = end(start(folder, f"auto:{every}:alone", "mirrored:everything:two"))
    assert [status for status, _ in ended] == [0], ended
    ended = end(*pair(folder, every))
    assert [status for status, _ in ended] == [0, 0], ended

    for case in CASES:
        epochs, weights = result(folder, "alone", case)
        (others, found), (_, same) = (result(folder, f"machine{i}", case) for i in range(2))
        for epoch, other in zip(epochs, others, strict=True):
            for split, values in epoch.items():
                assert other[split] == pytest.approx(values, rel=1e-3, abs=1e-3)
        for one, another, again in zip(weights, found, same, strict=True):
            np.testing.assert_allclose(another, one, rtol=1e-2, atol=1e-3)
            assert (another == again).all()
    # Keras's fit would weigh the devices' parts of an odd batch alike.
    (epochs, weights), (others, found) = (
        result(folder, work, "everything") for work in ("alone", "two")
    )
    for epoch, other in zip(epochs, others, strict=True):
        assert other["validation"] == pytest.approx(epoch["validation"], rel=1e-3, abs=1e-3)
    for one, another in zip(weights, found, strict=True):
        np.testing.assert_allclose(another, one, rtol=1e-2, atol=1e-3)


WRONG = [
    ("first:1", "worker", 0),
    (["first"], "worker", 0),
    (["first:1"], "worker", "0"),
    (["first:1"], "worker", 1),
    (["first:1"], "chief", 0),
]


@pytest.mark.parametrize(
    "tf_config",
    ["", "{", '{"cluster": {}}']
    + [
        json.dumps({"cluster": {"worker": workers}, "task": {"type": kind, "index": index}})
        for workers, kind, index in WRONG
    ],
)
def test_a_missing_or_wrong_tf_config_is_one_line(folder: Path, tf_config: str) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(UserError, match="TF_CONFIG"):
        patch.setenv("TF_CONFIG", tf_config)
        strategy("multi_worker", "work")
