"""Downloads from a real HTTP server that misbehaves, and from one in Google Drive's place."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from agegender.common.errors import UserError
from agegender.download import fetch as module
from agegender.download.fetch import describe_saved, fetch
from agegender.download.web_page import describe_page
from tests.web_server import Web, content, running, silence, status

BODY = b"PK\x03\x04" + random.Random(1).randbytes(2_500_000)
HALF = 2**20  # a multiple of the bytes that gdown takes at a time
DATE = "Wed, 01 Mar 2017 12:00:00 GMT"
WAIT = time.sleep
DRIVE = "https://drive.google.com/uc?id=abc"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    with running() as server:
        yield server


def get(web: Web, folder: Path) -> bytes:
    return fetch(web.address(), folder, tries=3).read_bytes()


def rejected(address: str, folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        fetch(address, folder, tries=3)
    assert not (folder / "download").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "validator", [{"etag": '"1"'}, {"etag": 'W/"1"', "modified": DATE}], ids=["etag", "date"]
)
def test_a_broken_download_continues(web: Web, tmp_path: Path, validator: dict) -> None:
    whole = content(BODY, **validator)
    # Each try first looks at the file.
    web.answers = [whole, content(BODY, send=HALF, **validator), whole]
    assert get(web, tmp_path) == BODY
    assert web.ranges()[-1] == f"bytes={HALF}-"
    assert web.requests[-1][1]["If-Range"] == validator.get("modified", '"1"')


def test_a_killed_download_continues_in_a_later_run(web: Web, tmp_path: Path) -> None:
    def stalling(request: BaseHTTPRequestHandler) -> None:
        content(BODY, send=HALF)(request)
        silence(120)(request)

    web.answers = [content(BODY), stalling]
    program = (
        "import sys; from pathlib import Path; from agegender.download.fetch import fetch; "
        "fetch(sys.argv[1], Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, web.address(), str(tmp_path)])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not any(
        part.stat().st_size for part in tmp_path.glob("*.part")
    ):
        WAIT(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (part,) = tmp_path.glob("*.part")
    came = part.stat().st_size
    assert 0 < came < len(BODY)
    assert describe_saved(tmp_path) == f"{came:,} bytes of the download are saved"
    web.answers = [content(BODY)]
    assert get(web, tmp_path) == BODY
    assert web.ranges()[-1] == f"bytes={came}-"


@pytest.mark.parametrize("before", ["part", "whole"])
def test_a_changed_file_is_not_spliced(web: Web, tmp_path: Path, before: str) -> None:
    if before == "part":
        web.answers = [content(BODY), content(BODY, send=HALF), status(503)]
        assert "continues after 1,048,576 bytes" in rejected(web.address(), tmp_path)
    else:
        web.answers = [content(BODY)]
        get(web, tmp_path)
    other = BODY[::-1] + b"more"
    web.answers = [content(other, etag='"2"')]
    assert get(web, tmp_path) == other


@pytest.mark.parametrize("etag", ["", 'W/"1"'])
def test_without_a_validator_a_download_starts_again(web: Web, tmp_path: Path, etag: str) -> None:
    web.answers = [content(BODY, etag=etag), content(BODY, send=HALF, etag=etag), status(503)]
    rejected(web.address(), tmp_path)
    web.answers = [content(BODY[::-1], etag=etag)]
    assert get(web, tmp_path) == BODY[::-1]


def test_a_server_without_ranges_sends_all_again(web: Web, tmp_path: Path) -> None:
    whole = content(BODY, ranges=False)
    web.answers = [whole, content(BODY, send=HALF, ranges=False), whole]
    assert get(web, tmp_path) == BODY
    web.answers = [content(BODY, send=HALF, ranges=False)]
    (tmp_path / "download").unlink()
    assert "tries in a row failed" in rejected(web.address(), tmp_path)


def test_a_server_that_sends_a_little_more_each_time_is_not_given_up(
    web: Web, tmp_path: Path
) -> None:
    web.answers = [content(BODY, send=600_000)]
    assert get(web, tmp_path) == BODY
    assert len(web.requests) > 3 * 3


def test_what_passes_is_retried(web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    web.answers = [status(503), silence(0), content(BODY)]
    assert get(web, tmp_path) == BODY
    address = web.address()
    assert caplog.messages[0] == f"{address}: HTTP 503 Service Unavailable; trying again in 1 s"
    assert "trying again in 2 s" in caplog.messages[1]


@pytest.mark.parametrize("code", [401, 404, 418, 499])
def test_final_errors_are_not_retried(web: Web, tmp_path: Path, code: int) -> None:
    web.answers = [status(code)]
    message = rejected(web.address(), tmp_path)
    assert f"HTTP {code}" in message and web.address() in message
    assert len(web.requests) == 1


def test_no_server_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    with running() as web:
        address = web.address()
    assert "Connection refused; 3 tries in a row failed" in rejected(address, tmp_path)


def test_secrets_in_an_address_are_not_shown(
    web: Web, tmp_path: Path, capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    address = web.address("/f.zip?token=hidden").replace("//", "//me:hidden@")
    loop = status(302, Location="/f.zip?token=hidden")
    for answer in (status(404), status(503), loop, status(302, Location="ftp://hidden")):
        web.answers = [answer]
        assert "hidden" not in rejected(address, tmp_path)
    for impossible in ("http://a b/c?token=hidden", "http://me:hidden@[::1"):
        assert "hidden" not in rejected(impossible, tmp_path)
    web.answers = [content(BODY), content(BODY, send=HALF), content(BODY)]
    assert fetch(address, tmp_path).read_bytes() == BODY
    assert "hidden" not in "".join(capfd.readouterr()) + caplog.text


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/zip"])
def test_a_web_page_is_no_file(web: Web, tmp_path: Path, kind: str) -> None:
    web.answers = [content(b"<!DOCTYPE html><title>Hello\n you</title>", kind=kind)]
    assert "is not a file but a web page ('Hello you')" in rejected(web.address(), tmp_path)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ('<html><form action="/login"><input type="password">', "login form"),
        ("<!-- x --><html><p>Sorry, you can't download this file: quota exceeded", "in a day"),
        ("\ufeff\n<?xml version='1.0'?>\n<!DOCTYPE HTML><html></html>", "a web page"),
        ("<html><title>\x1b[31m</title>", "a web page ('[31m')"),
        ("PK\x03\x04 <html>", "None"),
        ("", "None"),
    ],
)
def test_kinds_of_web_pages(page: str, words: str) -> None:
    assert words in str(describe_page(page.encode()))


@pytest.fixture
def drive(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The server in the place of Google Drive's hosts."""
    send = requests.Session.send

    def here(
        self: requests.Session, request: requests.PreparedRequest, **options: object
    ) -> requests.Response:
        assert request.url is not None and "google.com/" in request.url
        request.url = web.address("/" + request.url.partition("google.com/")[2])
        return send(self, request, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(requests.Session, "send", here)
    return web


CONFIRM = (
    b'<html><body>too large to scan for viruses.<form id="download-form" '
    b'action="https://drive.usercontent.google.com/download" method="get">'
    b'<input type="hidden" name="id" value="abc"><input type="hidden" name="confirm" value="t">'
    b"</form></body></html>"
)
ATTACHED = {"Content-Disposition": 'attachment; filename="UTKFace.tar.gz"'}


def test_google_drive_asks_for_a_confirmation_and_breaks_off(drive: Web, tmp_path: Path) -> None:
    cut = content(BODY, headers=ATTACHED, send=HALF)
    drive.answers = [content(CONFIRM, kind="text/html"), cut, content(BODY, headers=ATTACHED)]
    assert fetch(DRIVE, tmp_path).read_bytes() == BODY
    assert [path for path, _ in drive.requests][:2] == ["/uc?id=abc", "/download?id=abc&confirm=t"]
    assert drive.ranges()[-1] == f"bytes={HALF}-"


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b'<p class="uc-error-subcaption">Too many users have viewed it.</p>', "Too many users"),
        (b'<html><form><input type="password"></form></html>', "Cannot retrieve the public link"),
    ],
)
def test_google_drive_does_not_hand_a_file_out(
    drive: Web, tmp_path: Path, page: bytes, reason: str
) -> None:
    drive.answers = [content(page, kind="text/html")]
    message = rejected(DRIVE, tmp_path)
    assert f"https://drive.google.com/uc: {reason}" in message
    assert "fetch the file with a browser" in message
    assert len(drive.requests) == 1
