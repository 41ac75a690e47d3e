"""Files from http(s) addresses and from Google Drive."""

import logging
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import gdown
import requests
from gdown.exceptions import DownloadError, FileURLRetrievalError
from gdown.parse_url import parse_url

from agegender.common.errors import UserError
from agegender.common.progress import byte_bar
from agegender.download.web_page import describe_page

logger = logging.getLogger(__name__)

_FILE = "download"
_TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504}


def fetch(
    address: str,
    folder: Path,
    name: str | None = None,
    tries: int = 6,
    timeout: tuple[float, float] = (15, 60),
) -> Path:
    """Download the file at ``address`` and return its path in ``folder``.

    gdown transfers: it knows Google Drive, continues partial files (Range, If-Range) and checks
    lengths. What it lacks stands here: it does not remember from run to run which version of a
    file a partial one is of, and would splice two; it does not retry a status such as 503, nor
    start over where a server cannot continue; it saves web pages as files; and it prints addresses
    with their secrets.

    Args:
        address: http or https.
        folder: for this address alone; what a broken download left there is continued.
        name: of the file, for messages; by default the address without secrets.
        tries: failures in a row, without any progress between them, before this gives up.
        timeout: seconds to wait for a connection, and between bytes.

    Raises:
        UserError: the file cannot be had, or is a web page.
    """
    name = name or redact_url(address)
    failures = most = 0
    while True:
        try:
            return _transfer(address, folder, name, timeout)
        except (requests.RequestException, DownloadError) as error:
            problem = _describe(error)
            if not _is_transient(error):
                raise UserError(
                    f"{name}: {problem}; check the address, or fetch the file with a browser and "
                    "give its path"
                ) from None
            if "did not honor" in problem:
                problem = "the server cannot continue the download"
                _remove(folder)
        saved = _saved_bytes(folder)
        failures = 1 if saved > most else failures + 1
        most = max(most, saved)
        if failures >= tries:
            continued = f"; running this again continues after {saved:,} bytes" if saved else ""
            raise UserError(f"{name}: {problem}; {failures} tries in a row failed{continued}")
        pause = 2 ** (failures - 1)
        logger.info("%s: %s; trying again in %d s", name, problem, pause)
        time.sleep(pause)


def redact_url(address: str) -> str:
    """``address`` without what may be secret in it: user, password, query, fragment.

    Raises:
        UserError: it is no address.
    """
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise UserError(f"this is no address: {error}") from None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def describe_saved(downloads: Path) -> str:
    """How much of unfinished downloads the folders in ``downloads`` hold; empty if nothing."""
    saved = _saved_bytes(downloads)
    return f"{saved:,} bytes of the download are saved" if saved else ""


def _transfer(address: str, folder: Path, name: str, timeout: tuple[float, float]) -> Path:
    on_drive = parse_url(address)[0] is not None
    if not on_drive:
        _remove_other_version(address, folder, name, timeout)
    path = folder / _FILE
    with byte_bar(name.rpartition("/")[2] or name) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        gdown.download(
            url=address,
            output=str(path),
            quiet=True,
            use_cookies=False,
            resume=True,
            # Some hosts answer browsers with a page; gdown passes itself off as one.
            user_agent=None if on_drive else requests.utils.default_user_agent(),
            progress=show,
            timeout=timeout,
        )
    return path


def _remove_other_version(
    address: str, folder: Path, name: str, timeout: tuple[float, float]
) -> None:
    """Look at what the server has now; remove a partial file unless it surely is of the same.

    A validator shows that: a strong ETag, or Last-Modified (RFC 9110, section 13.1.5).
    """
    headers = {"Accept-Encoding": "identity"}
    with requests.get(address, headers=headers, stream=True, timeout=timeout) as response:
        response.raise_for_status()
        head = next(response.iter_content(2**16), b"")
    page = describe_page(head, response.headers.get("Content-Type", ""))
    if page is not None:
        raise UserError(f"{name} is not a file but {page}")
    etag = response.headers.get("ETag", "W/")
    version = response.headers.get("Last-Modified", "") if etag.startswith("W/") else etag
    noted = folder / "version"
    if not version or not noted.exists() or noted.read_text() != version:
        _remove(folder)
        noted.write_text(version)


def _remove(folder: Path) -> None:
    for path in folder.glob(f"{_FILE}*"):
        path.unlink()


def _saved_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob(f"{_FILE}*"))


def _is_transient(error: Exception) -> bool:
    if isinstance(error, requests.HTTPError):
        return error.response.status_code in _TRANSIENT_STATUS
    if isinstance(error, requests.exceptions.SSLError | FileURLRetrievalError):
        return False
    broken = requests.exceptions.ChunkedEncodingError
    return isinstance(error, requests.ConnectionError | requests.Timeout | broken | DownloadError)


def _describe(error: BaseException) -> str:
    """What went wrong, in one line without the address, which may hold secrets."""
    if isinstance(error, requests.HTTPError):
        return f"HTTP {error.response.status_code} {error.response.reason or ''}".strip()
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return "the address, or one that it leads to, is not valid"
    if isinstance(error, requests.RequestException):
        # Its own text quotes the address; the error at the root does not.
        while error.__context__ is not None:
            error = error.__context__
        return str(getattr(error, "strerror", None) or error)
    text = str(error).removeprefix("Failed to retrieve file url:").strip()
    return " ".join(re.split(r"\.?\n\n|\.\n", text)[0].split()).rstrip(".")
