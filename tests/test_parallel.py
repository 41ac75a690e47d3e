import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from agegender.common.errors import DamagedFileError, UserError
from agegender.common.parallel import parallel_map
from tests.crashes import wait_until


def square(number: int) -> int:
    return number**2


def fail_at_three(number: int) -> int:
    if number == 3:
        raise DamagedFileError(Path("three"), "is odd")
    return number


def vanish(number: int) -> None:
    os._exit(number)


@pytest.mark.parametrize("processes", [1, 3])
def test_results_come_in_order(processes: int) -> None:
    assert list(parallel_map(square, range(20), 3, processes)) == [square(i) for i in range(20)]
    assert list(parallel_map(square, [])) == []


def test_a_worker_s_error_is_raised_and_its_death_explained() -> None:
    with pytest.raises(DamagedFileError, match=r"^three is odd$"):
        list(parallel_map(fail_at_three, range(5)))
    with pytest.raises(UserError, match="a worker process was killed"):
        list(parallel_map(vanish, [1]))


def test_tasks_are_taken_only_as_results_are_collected() -> None:
    tasks = iter(range(1000))
    results = parallel_map(square, tasks, 1, 2)
    assert next(results) == 0
    assert next(tasks) < 20


def sleep_forever(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "from tests.test_parallel import sleep_forever\n"
        "from agegender.common.parallel import parallel_map\n"
        f"list(parallel_map(sleep_forever, [{str(tmp_path)!r}] * 2, 1, 2))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(psutil.pid_exists(int(path.name)) for path in tmp_path.iterdir()))


def test_ctrl_c_ends_workers_at_once_and_without_a_word(tmp_path: Path) -> None:
    script = (
        "from tests.test_parallel import sleep_forever\n"
        "from agegender.common.parallel import parallel_map\n"
        # As stages do: whoever runs the tests in the background has Ctrl-C ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        f"    list(parallel_map(sleep_forever, [{str(tmp_path)!r}] * 2, 1, 2))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as parent:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.communicate(timeout=120)[0] == "interrupted\n"
    assert parent.returncode == 0
