"""Training by several processes and on several devices: equal to one process's, and it ends."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from agegender.common.errors import UserError
from agegender.training import distribution
from agegender.training.meeting import meet
from tests import training_worker
from tests.clones import ROOT, differences
from tests.conftest import Reproduced

CASES = ["custom", "everything", "vgg16"]
SECONDS = 400


def free_addresses(count: int) -> list[str]:
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]


def tf_configs(count: int = 2) -> list[str]:
    cluster = {"worker": free_addresses(count)}
    return [
        json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        for index in range(count)
    ]


@dataclass
class Machine:
    """A process with a folder of its own."""

    folder: Path
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def start(self, *arguments: str, tf_config: str | None = None) -> None:
        environment = os.environ | ({"TF_CONFIG": tf_config} if tf_config else {})
        self.folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.training_worker", str(self.folder), *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> tuple[int, str]:
        """Its status and what it printed; killed where it does not end."""
        assert self.process is not None
        try:
            printed, _ = self.process.communicate(timeout=SECONDS)
        finally:
            with suppress(ProcessLookupError):
                self.process.kill()
        return self.process.returncode, printed

    def curves(self, case: str) -> list[training_worker.Epoch]:
        curves: list[training_worker.Epoch] = json.loads((self.folder / f"{case}.json").read_text())
        return curves

    def weights(self, case: str) -> list[np.ndarray]:
        with np.load(self.folder / f"{case}.npz") as arrays:
            return [arrays[name] for name in arrays.files]


def together(machines: list[Machine], *arguments: str) -> None:
    """Two machines train, and end well."""
    for machine, tf_config in zip(machines, tf_configs(), strict=True):
        machine.start("multi_worker", *arguments, tf_config=tf_config)
    ends = [machine.end() for machine in machines]
    assert [status for status, _ in ends] == [0, 0], ends


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machines")
    training_worker.write_photos(folder / "records")
    return folder


@pytest.fixture(scope="module")
def pair(folder: Path) -> list[Machine]:
    """Two processes that trained every case together, while one trained on two devices."""
    mirrored = Machine(folder / "mirrored")
    mirrored.start("mirrored", *CASES)
    machines = [Machine(folder / "first"), Machine(folder / "second")]
    together(machines, *CASES, "long")
    status, printed = mirrored.end()
    assert status == 0, printed
    return machines


@pytest.mark.parametrize("case", CASES)
def test_two_processes_and_two_devices_train_as_one_does(
    folder: Path, pair: list[Machine], case: str
) -> None:
    curves, weights = training_worker.run(case, folder / "records", folder / "alone")
    # The one process's own batch normalisation keeps an unbiased variance, Keras's a biased one.
    rough = case == "everything"
    for machine in (*pair, Machine(folder / "mirrored")):
        got = machine.curves(case)
        assert len(got) == len(curves)
        for epoch, expected in zip(got, curves, strict=True):
            for split in ("train", "validation"):
                assert epoch[split] == pytest.approx(expected[split], rel=1e-4 if rough else 2e-6)
        for found, wanted in zip(machine.weights(case), weights, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=2e-2 if rough else 1e-4, atol=1e-6)
    assert same(pair[0].weights(case), pair[1].weights(case))
    assert pair[0].curves(case) == pair[1].curves(case)


def test_who_loses_the_other_says_so_and_both_go_on_together(
    folder: Path, pair: list[Machine]
) -> None:
    machines = [Machine(folder / "lost"), Machine(folder / "left")]
    for machine, tf_config in zip(machines, tf_configs(), strict=True):
        # The first, to which the others report.
        dies = ["--killed-behind", "2"] if machine is machines[0] else []
        machine.start("multi_worker", "long", *dies, tf_config=tf_config)
    dead, left = machines
    assert dead.end()[0] == -signal.SIGKILL
    status, printed = left.end()
    assert status == 1 and "Traceback" not in printed
    assert printed.splitlines()[-1].startswith("error: another machine of TF_CONFIG was lost; ")
    # The first machine starts afresh, as one does that stands in for another.
    (machines[0].folder / "progress").rename(machines[0].folder / "gone")
    together(machines, "long")
    for machine in machines:
        assert machine.curves("long") == pair[0].curves("long")
        assert same(machine.weights("long"), pair[0].weights("long"))
    # What is taken over is kept, though nothing is left to be trained: the other may be lost next.
    shutil.rmtree(machines[0].folder / "progress")
    together(machines, "long")
    (kept,) = (machines[0].folder / "progress").rglob("state0.npz")
    with np.load(kept) as state:
        assert (
            len(json.loads(state["state"].tobytes())["epochs"])
            == training_worker.CASES["long"]["epochs"]
        )


def test_the_stages_train_together(reproduced: Reproduced, tmp_path: Path) -> None:
    clones = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        clone = reproduced.copy(tmp_path / name)
        clone.set_parameters(
            train_custom={"strategy": "multi_worker", "epochs": 2},
            train_vgg16={
                "strategy": "multi_worker",
                "ensemble_size": 2,
                "unfreeze": "block5",
                "backbone_batch_normalization": True,
            },
        )
        clones.append(clone)
    told = clones[0].run("python", "-m", "stages.train_custom", fails=True)
    (line,) = told.splitlines()
    assert line.startswith("error: strategy: multi_worker needs the environment variable TF_CONFIG")
    for clone, tf_config in zip(clones, tf_configs(), strict=True):
        clone.env["TF_CONFIG"] = tf_config
    train = ["repro", "--single-item", "embed_vgg16", "train_custom", "train_vgg16"]
    printed = at_once(*(partial(clone.dvc, *train) for clone in clones))
    assert all("waiting for the others" in each for each in printed), printed
    assert differences(clones[0].path, clones[1].path) == []
    for clone in clones:
        assert not list((clone.path / "progress").glob("train_*/*"))

    clones[0].set_parameters(train_custom={"epochs": 1})
    anew = ["repro", "--force", "--single-item", "train_custom"]
    printed = at_once(*(partial(clone.dvc, *anew, fails=True) for clone in clones))
    for each in printed:
        assert "error: the machines of TF_CONFIG have different work" in each
        assert "Traceback" not in each


def at_once(*calls: Callable[[], object]) -> list[str]:
    """What each of these returns, or the message of its error."""
    found = ["" for _ in calls]

    def call(index: int) -> None:
        try:
            found[index] = str(calls[index]() or "")
        except (UserError, RuntimeError) as error:
            found[index] = str(error)

    threads = [threading.Thread(target=call, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize(("third", "words"), [("a", ""), ("b", "have different work")])
def test_three_meet_and_see_whether_they_have_the_same_work(third: str, words: str) -> None:
    addresses = free_addresses(3)
    works = ["a", "a", third]
    told = at_once(*(partial(meet, addresses, i, works[i], 30) for i in range(3)))
    assert all(words in each and bool(each) == bool(words) for each in told), told


def test_who_comes_alone_says_who_is_missing() -> None:
    addresses = free_addresses(3)
    told = at_once(*(partial(meet, addresses, i, "a", 1.0) for i in (0, 2)))
    assert all(f"worker 1, {addresses[1]}" in each for each in told), told
    with pytest.raises(UserError, match=f"worker 0 of TF_CONFIG, {addresses[0]}, did not answer"):
        meet(addresses, 1, "a", 0.5)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UserError, match=f"{address}, this machine's address in TF_CONFIG"):
            meet([address, "127.0.0.1:1"], 0, "a", 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1", "b"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "0"}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
        '{"cluster": {"worker": ["a:1"], "ps": []}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_what_is_wrong_with_tf_config_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError) as told:
        distribution.join("multi_worker", "any", say=lambda line: None)
    assert str(told.value).endswith(f"it is {text!r}" if text else "it is not set")
    assert "\n" not in str(told.value)


def test_only_where_there_are_others_one_can_be_lost() -> None:
    error = tf.errors.UnavailableError(
        None, None, "Graph error:\n\nCollective ops is aborted by: one is gone:\n/job"
    )
    told = pytest.raises(UserError, match=r"was lost; .* \(TensorFlow says: one is gone\)$")
    with told, distribution.Distribution(workers=2).noticing():
        raise error
    with pytest.raises(tf.errors.UnavailableError), distribution.ALONE.noticing():
        raise error


def test_one_device_is_trained_on_without_tf_distribute() -> None:
    assert distribution.join("auto", "any") is distribution.ALONE
