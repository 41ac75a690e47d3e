import logging
import os
import pty
import subprocess
import sys
import termios

import pytest

from agegender.common import progress
from agegender.common.progress import byte_bar, progress_bar

SCRIPT = (
    "from agegender.common.progress import progress_bar\n"
    "for _ in progress_bar(range(7), desc='drawing', unit='files', total=7): pass"
)


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert list(progress_bar(range(7), desc="drawing", unit="files", total=7)) == list(range(7))
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("drawing: 7 of 7 files in 00:00, ")
    monkeypatch.setattr(progress, "LOG_SECONDS", 0)
    with byte_bar("photos.zip", initial=1000) as bar:
        bar.update(500)
        bar.total = 4000
        bar.update(1500)
    assert [line.split(" in ")[0] for line in caplog.messages[1:3]] == [
        "photos.zip: 1.50kB",
        "photos.zip: 3.00k of 4.00kB",
    ]
    with byte_bar("nothing.zip", total=5):
        pass
    assert "nothing" not in caplog.text


def test_a_terminal_gets_a_bar() -> None:
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (24, 100))
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=child, check=True)
    os.close(child)
    shown = os.read(parent, 10_000).decode()
    assert "drawing: 100%|" in shown and "7/7" in shown
