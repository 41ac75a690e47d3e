"""Downloads from a real HTTP server that misbehaves, and the folders in which they wait."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import gdown
import pytest
import requests

from agegender.common.console import track, transfer
from agegender.common.errors import UserError
from agegender.common.files import replace_folder
from agegender.common.resumable import resumable_folder
from agegender.download.fetch import Patience, fetch
from agegender.download.google_drive import drive_id, fetch_shared
from agegender.download.web_page import describe_page
from tests.web_server import Web, content, running, silence, status

BODY = b"PK\x03\x04" + random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
QUICK = Patience(tries=3, connect_seconds=5, read_seconds=5, first_pause_seconds=0.01)


@pytest.fixture
def web() -> Iterator[Web]:
    with running() as server:
        yield server


def get(web: Web, folder: Path, sha256: str | None = None) -> bytes:
    return fetch(web.address(), folder, sha256, QUICK).read_bytes()


def refusal(web: Web, folder: Path, sha256: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        fetch(web.address(), folder, sha256, QUICK)
    assert not (folder / "whole").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_fetched(web: Web, tmp_path: Path) -> None:
    web.answers = [content(BODY)]
    assert get(web, tmp_path, SHA256) == BODY
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".json"] == ["whole"]


def test_a_broken_download_goes_on_where_it_stopped(web: Web, tmp_path: Path) -> None:
    web.answers = [content(BODY, send=100_000), content(BODY, send=50_000), content(BODY)]
    assert get(web, tmp_path) == BODY
    assert web.ranges() == ["", "bytes=100000-", "bytes=150000-"]
    assert web.requests[1][1]["If-Range"] == '"1"'


def test_a_later_run_goes_on(web: Web, tmp_path: Path) -> None:
    web.answers = [content(BODY, send=100_000), status(503)]
    assert "goes on after 100,000 of 300,004 bytes" in refusal(web, tmp_path)
    web.answers = [content(BODY)]
    assert get(web, tmp_path) == BODY
    assert web.ranges()[-1] == "bytes=100000-"


def test_a_killed_download_goes_on(web: Web, tmp_path: Path) -> None:
    def stalling(request: BaseHTTPRequestHandler) -> None:
        content(BODY, send=100_000)(request)
        silence(120)(request)

    web.answers = [stalling]
    program = (
        "import sys; from pathlib import Path; from agegender.download.fetch import fetch; "
        "fetch(sys.argv[1], Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, web.address(), str(tmp_path)])
    part = tmp_path / "part"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (part.exists() and part.stat().st_size > 0):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    came = part.stat().st_size
    assert 0 < came < len(BODY)
    web.answers = [content(BODY)]
    assert get(web, tmp_path) == BODY
    assert web.ranges()[-1] == f"bytes={came}-"


def test_a_whole_file_of_a_killed_run_is_asked_for_but_not_sent_again(
    web: Web, tmp_path: Path
) -> None:
    web.answers = [content(BODY)]
    get(web, tmp_path)
    web.answers = [content(BODY)]
    assert get(web, tmp_path) == BODY
    assert web.ranges() == ["", f"bytes={len(BODY)}-"]
    other = BODY + b"more"
    web.answers = [content(other, etag='"2"')]
    assert get(web, tmp_path) == other


def test_a_changed_file_is_not_spliced(web: Web, tmp_path: Path) -> None:
    other = BODY[::-1]
    web.answers = [content(BODY, send=100_000), content(other, etag='"2"')]
    assert get(web, tmp_path) == other


@pytest.mark.parametrize(
    "second", [{"etag": '"2"'}, {"etag": "", "announce": 200_000}], ids=["etag", "length"]
)
def test_a_changed_file_is_noticed_where_if_range_is_ignored(
    web: Web, tmp_path: Path, second: dict
) -> None:
    other = (BODY[::-1])[: 200_000 if "announce" in second else None]

    def ignoring(request: BaseHTTPRequestHandler) -> None:
        request.headers.replace_header("If-Range", second["etag"])
        content(other, etag=second["etag"])(request)

    web.answers = [content(BODY, send=100_000), ignoring, content(other, etag='"2"')]
    assert get(web, tmp_path) == other
    assert web.ranges() == ["", "bytes=100000-", ""]


@pytest.mark.parametrize("etag", ["", 'W/"1"'])
def test_without_a_validator_a_download_starts_again(web: Web, tmp_path: Path, etag: str) -> None:
    web.answers = [content(BODY, send=100_000, etag=etag), content(BODY, etag=etag)]
    assert get(web, tmp_path) == BODY
    assert web.ranges() == ["", ""]


def test_last_modified_validates_too(web: Web, tmp_path: Path) -> None:
    date = "Wed, 01 Mar 2017 12:00:00 GMT"
    web.answers = [
        content(BODY, send=100_000, etag='W/"1"', modified=date),
        content(BODY, etag="", modified=date),
    ]
    assert get(web, tmp_path) == BODY
    assert web.requests[1][1]["If-Range"] == date


def test_a_sha256_validates_too(web: Web, tmp_path: Path) -> None:
    web.answers = [content(BODY, send=100_000, etag=""), content(BODY, etag="")]
    assert get(web, tmp_path, SHA256) == BODY
    assert web.ranges() == ["", "bytes=100000-"]


def test_a_server_without_ranges_sends_all_again(web: Web, tmp_path: Path) -> None:
    web.answers = [content(BODY, send=100_000, ranges=False), content(BODY, ranges=False)]
    assert get(web, tmp_path) == BODY


def test_a_server_that_always_breaks_off_is_given_up(web: Web, tmp_path: Path) -> None:
    web.answers = [content(BODY, send=100_000, ranges=False)]
    assert "3 tries in a row failed" in refusal(web, tmp_path)
    assert len(web.requests) == 3


def test_a_server_that_keeps_sending_a_little_more_is_not_given_up(
    web: Web, tmp_path: Path
) -> None:
    body = BODY * 40
    web.answers = [content(body, send=1_100_000)]
    assert get(web, tmp_path) == body
    assert len(web.requests) > QUICK.tries + 5


@pytest.mark.parametrize("difference", [1, 100_000])
def test_a_length_that_promises_too_much_is_not_believed(
    web: Web, tmp_path: Path, difference: int
) -> None:
    web.answers = [content(BODY, announce=len(BODY) + difference, ranges=False)]
    assert f"{len(BODY):,} of {len(BODY) + difference:,} bytes" in refusal(web, tmp_path)


def test_a_length_that_promises_too_little_is_found_by_the_sha256(web: Web, tmp_path: Path) -> None:
    web.answers = [content(BODY, announce=len(BODY) - 1000)]
    assert f"not {SHA256}" in refusal(web, tmp_path, SHA256)
    web.answers = [content(BODY)]
    assert get(web, tmp_path, SHA256) == BODY
    assert web.ranges() == ["", ""]


def test_a_chunked_answer_has_no_length(web: Web, tmp_path: Path) -> None:
    pieces = [BODY[i : i + 100_000] for i in range(0, len(BODY), 100_000)] + [b""]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    chunked = {"Transfer-Encoding": "chunked"}
    whole = content(body, announce=-1, etag="", headers=chunked)
    web.answers = [content(body, announce=-1, etag="", headers=chunked, send=150_000), whole]
    assert get(web, tmp_path) == BODY
    assert len(web.requests) == 2


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_errors_that_pass_are_waited_out(web: Web, tmp_path: Path, code: int) -> None:
    web.answers = [status(code), status(code), content(BODY)]
    assert get(web, tmp_path) == BODY
    assert len(web.requests) == 3


def test_a_server_may_ask_for_a_pause(web: Web, tmp_path: Path) -> None:
    web.answers = [status(503, Retry_After="1"), content(BODY)]
    started = time.monotonic()
    assert get(web, tmp_path) == BODY
    assert time.monotonic() - started >= 1
    web.answers = [status(429, Retry_After="3600")]
    assert "asks to wait at least 3600 s" in refusal(web, tmp_path)


def test_pauses_grow(
    web: Web, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("agegender.download.fetch.time.sleep", pauses.append)
    web.answers = [status(500)]
    with pytest.raises(UserError, match="6 tries in a row failed"):
        fetch(web.address(), tmp_path)
    assert pauses == [1, 2, 4, 8, 16]
    assert "HTTP 500 Internal Server Error; trying again in 16 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (401, "login"),
        (403, "does not permit"),
        (404, "no such file"),
        (410, "no longer"),
        (418, "refuses"),
        (499, "HTTP 499"),
    ],
)
def test_final_errors_are_not_tried_again(web: Web, tmp_path: Path, code: int, words: str) -> None:
    web.answers = [status(code)]
    message = refusal(web, tmp_path)
    assert words in message and str(code) in message and web.address() in message
    assert len(web.requests) == 1


def test_a_silent_server_is_tried_again(web: Web, tmp_path: Path) -> None:
    web.answers = [silence(60), content(BODY)]
    # Many tries: on a busy machine the second answer may be late as well.
    impatient = replace(QUICK, tries=100, read_seconds=0.3)
    assert fetch(web.address(), tmp_path, patience=impatient).read_bytes() == BODY


def test_no_server_at_all(tmp_path: Path) -> None:
    with running() as web:
        address = web.address()
    with pytest.raises(UserError, match=r"no connection: .*refused; 3 tries"):
        fetch(address, tmp_path, patience=QUICK)


@pytest.mark.parametrize("address", ["http://", "http://[::1", "http://a b/c", "https://x:y/"])
def test_an_impossible_address(address: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        fetch(address, tmp_path, patience=QUICK)


def test_redirects_are_followed_but_not_for_ever(web: Web, tmp_path: Path) -> None:
    web.answers = [status(302, Location="/there.zip"), content(BODY)]
    assert get(web, tmp_path) == BODY
    assert [path for path, _ in web.requests] == ["/faces.zip", "/there.zip"]
    web.answers = [status(302, Location="/faces.zip")]
    assert "30 redirects" in refusal(web, tmp_path)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/zip"])
def test_a_web_page_is_no_file(web: Web, tmp_path: Path, kind: str) -> None:
    web.answers = [content(b"<!DOCTYPE html><title>Hello\n you</title>", kind=kind)]
    assert "is not a file but a web page ('Hello you')" in refusal(web, tmp_path)
    web.answers = [content(BODY)]
    assert get(web, tmp_path) == BODY


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ('<html><form action="/login"><input type="password">', "login form"),
        ("<!-- x --><html><p>Sorry, you can't download this file: quota exceeded", "in a day"),
        ("<html>Too many users have viewed or downloaded this file recently", "in a day"),
        ("\ufeff\n<?xml version='1.0'?>\n<!DOCTYPE HTML><html></html>", "a web page"),
        ("<html><title>\x1b[31m</title>", "a web page ('[31m')"),
    ],
)
def test_kinds_of_web_pages(page: str, words: str) -> None:
    assert words in (describe_page(page.encode()) or "")


def test_what_is_no_web_page() -> None:
    assert describe_page(BODY) is None
    assert describe_page(b"") is None
    assert describe_page(b"\x1f\x8b\x08\0", "text/html") is None
    assert describe_page(b"please log in", "text/html") is not None


def test_secrets_in_an_address_are_not_shown(web: Web, tmp_path: Path) -> None:
    web.answers = [status(404)]
    address = web.address("/f.zip?token=hidden").replace("//", "//me:hidden@")
    with pytest.raises(UserError) as caught:
        fetch(address, tmp_path, patience=QUICK)
    assert "hidden" not in str(caught.value)


def test_a_resumable_folder_stays_until_its_work_is_done(tmp_path: Path) -> None:
    parent = tmp_path / "progress"
    with pytest.raises(ZeroDivisionError), resumable_folder(parent, "a") as first:
        (first / "part").write_text("x")
        raise ZeroDivisionError
    with resumable_folder(parent, "a") as again:
        assert again == first
        assert (again / "part").read_text() == "x"
        with resumable_folder(parent, "a") as beside, resumable_folder(parent, "b") as other:
            assert len({again, beside, other}) == 3
        assert (again / "part").exists()
    assert not parent.exists()


def test_left_over_work_of_others_goes_unless_they_are_at_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), resumable_folder(tmp_path / "p", "stale") as stale:
        raise ZeroDivisionError
    with resumable_folder(tmp_path / "p", "busy") as busy:
        with resumable_folder(tmp_path / "p", "mine"):
            pass
        assert busy.exists()
        assert not stale.exists()


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "raw"
    with replace_folder(folder) as new:
        (new / "old.jpg").write_text("old")
    with pytest.raises(ZeroDivisionError), replace_folder(folder) as new:
        (new / "new.jpg").write_text("new")
        raise ZeroDivisionError
    assert os.listdir(folder) == ["old.jpg"]
    with replace_folder(folder) as new:
        (new / "new.jpg").write_text("new")
    assert os.listdir(folder) == ["new.jpg"]
    assert os.listdir(folder.parent) == ["raw"]


def test_what_a_kill_left_of_a_replacement_is_mended(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    for name in ("raw.partial", "raw.previous"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    with pytest.raises(ZeroDivisionError), replace_folder(folder) as new:
        assert os.listdir(new) == []
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["raw"]
    assert os.listdir(folder) == ["raw.previous"]


def test_progress_in_a_log(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(track(iter("abc"), 3, "checking", "photos")) == ["a", "b", "c"]
    with transfer("faces.zip", 2_000_000, 500_000) as progress:
        progress.advance(1_000_000)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("checking: 3 of 3 photos in 00:00, ")
    assert second.startswith("faces.zip: 1.50M of 2.00MB in 00:00, ")
    assert second.endswith("B/s")
    monkeypatch.setattr("agegender.common.console._LOG_SECONDS", 0)
    list(track(iter("abc"), None, "reading", "files"))
    assert [line.split(" in ")[0] for line in capsys.readouterr().err.splitlines()] == [
        "reading: 1 files",
        "reading: 2 files",
        "reading: 3 files",
        "reading: 3 files",
    ]


def test_progress_in_a_terminal() -> None:
    program = (
        "from agegender.common.console import transfer\n"
        "with transfer('faces.zip') as progress:\n"
        "    progress.total = 4_000_000\n"
        "    progress.advance(4_000_000)\n"
    )
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    subprocess.run([sys.executable, "-c", program], stderr=theirs, check=True)
    os.close(theirs)
    shown = ""
    # The end of a terminal is an error on Linux and an empty string on macOS.
    with suppress(OSError):
        while piece := os.read(ours, 10_000).decode():
            shown += piece
    os.close(ours)
    assert "faces.zip: 100%" in shown
    assert "4.00M/4.00M" in shown
    assert "B/s" in shown


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
    monkeypatch.setattr("agegender.download.google_drive._RETRIES", 1)
    monkeypatch.setattr(gdown.download.__globals__["random"], "uniform", lambda low, high: 0.01)
    return web


CONFIRM = (
    b'<html><body>too large to scan for viruses.<form id="download-form" '
    b'action="https://drive.usercontent.google.com/download" method="get">'
    b'<input type="hidden" name="id" value="abc"><input type="hidden" name="confirm" value="t">'
    b"</form></body></html>"
)
ATTACHED = {"Content-Disposition": 'attachment; filename="UTKFace.tar.gz"'}


def test_google_drive_asks_for_a_confirmation(drive: Web, tmp_path: Path) -> None:
    drive.answers = [content(CONFIRM, kind="text/html"), content(BODY, headers=ATTACHED)]
    assert fetch_shared("abc", tmp_path, "UTKFace.tar.gz", "page").read_bytes() == BODY
    assert [path for path, _ in drive.requests] == ["/uc?id=abc", "/download?id=abc&confirm=t"]


def test_google_drive_breaks_off(drive: Web, tmp_path: Path) -> None:
    body = BODY * 10
    drive.answers = [content(body, headers=ATTACHED, send=1_000_000)]
    with pytest.raises(UserError, match=r"running this again goes on") as caught:
        fetch_shared("abc", tmp_path, "UTKFace.tar.gz", "page")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "whole").exists()
    drive.answers = [content(body, headers=ATTACHED)]
    assert fetch_shared("abc", tmp_path, "UTKFace.tar.gz", "page").read_bytes() == body
    assert drive.ranges()[-1] != ""


def test_google_drive_has_a_quota(drive: Web, tmp_path: Path) -> None:
    notice = b'<p class="uc-error-subcaption">Too many users have viewed this file.</p>'
    drive.answers = [content(notice, kind="text/html")]
    with pytest.raises(UserError) as caught:
        fetch_shared("abc", tmp_path, "UTKFace.tar.gz", "https://page")
    assert str(caught.value) == (
        "Google Drive does not hand out UTKFace.tar.gz: Too many users have viewed this file; "
        "try again in a day, or fetch it with a browser from https://page and give the file's path"
    )


def test_google_drive_wants_a_login(drive: Web, tmp_path: Path) -> None:
    page = b'<html><title>Sign in</title><form><input type="password"></form></html>'
    drive.answers = [content(page, kind="text/html")]
    with pytest.raises(UserError, match=r"does not hand out .*: Cannot retrieve"):
        fetch_shared("abc", tmp_path, "UTKFace.tar.gz", "https://page")


def test_google_drive_links() -> None:
    assert drive_id("https://drive.google.com/file/d/0BxYys69jI14k/view?usp=sharing") is not None
    assert drive_id("https://example.org/file/d/0BxYys69jI14k/view") is None
