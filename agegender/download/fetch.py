"""Files from http(s) addresses: resumed, tried again, checked.

What has come lies in the caller's folder until it is whole, so that a broken download goes on
where it stopped, also in a later run. It goes on only if the server shows by a validator (ETag
or Last-Modified, RFC 9110 section 13.1.5) that the file is still the same, or if a sha256 will
tell. Without either it starts again.
"""

import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from agegender.common.console import Progress, say, transfer
from agegender.common.errors import UserError
from agegender.download.web_page import describe_page

CHUNK = 64 * 1024

_PASSING = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_FINAL = {
    HTTPStatus.UNAUTHORIZED: "the server wants a login",
    HTTPStatus.FORBIDDEN: "the server does not permit it",
    HTTPStatus.NOT_FOUND: "there is no such file on the server",
    HTTPStatus.GONE: "the file is no longer on the server",
}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to try.

    Attributes:
        tries: failures in a row, without a considerable part of the file between them.
        connect_seconds: until a connection stands.
        read_seconds: until the next bytes come.
        first_pause_seconds: after the first failure; doubled after each further one.
        longest_pause_seconds: that a server may ask for.
    """

    tries: int = 6
    connect_seconds: float = 15
    read_seconds: float = 60
    first_pause_seconds: float = 1
    longest_pause_seconds: float = 300


class _PassingError(Exception):
    """Something that may go well the next time; after so many seconds, if the server says so."""

    def __init__(self, message: str, pause: float = 0) -> None:
        super().__init__(message)
        self.pause = pause


class _Part:
    """What has come of a file, and what the server said of the whole."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "part"
        self._state = folder / "state.json"
        self.validator: dict[str, str] = {}
        self.total: int | None = None
        if self.path.exists() and self._state.exists():
            state = json.loads(self._state.read_text(encoding="utf-8"))
            self.validator, self.total = state["validator"], state["total"]
        else:
            self.path.write_bytes(b"")

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def begin(self, validator: dict[str, str], total: int | None) -> None:
        """Forget what has come; another content follows."""
        self.path.write_bytes(b"")
        self.validator, self.total = validator, total
        state = {"validator": validator, "total": total}
        temporary = self._state.with_suffix(".new")
        temporary.write_text(json.dumps(state), encoding="utf-8")
        os.replace(temporary, self._state)


def fetch(
    address: str, folder: Path, sha256: str | None = None, patience: Patience | None = None
) -> Path:
    """Download the file at ``address`` and return its path in ``folder``.

    Args:
        address: http or https.
        folder: for this address alone; what a broken download left there is used.
        sha256: of the file, in hexadecimal digits, where it is known.
        patience: by default that of someone who needs the file from there.

    Raises:
        UserError: the file is not to be had, is a web page, or has another sha256.
    """
    patience = patience or Patience()
    name = shown(address)
    whole = folder / "whole"
    if whole.exists():
        # The server is asked whether it is still the same, as with a part.
        whole.rename(folder / "part")
    part = _Part(folder)
    failures, landmark = 0, part.size
    with requests.Session() as session:
        while True:
            try:
                _continue(session, address, part, sha256, patience)
                break
            except _PassingError as problem:
                if part.size >= landmark + 16 * CHUNK:
                    failures, landmark = 0, part.size
                failures += 1
                if failures >= patience.tries or problem.pause > patience.longest_pause_seconds:
                    raise UserError(_surrender(name, problem, failures, part)) from None
                pause = max(patience.first_pause_seconds * 2 ** (failures - 1), problem.pause)
                say(f"{name}: {problem}; trying again in {pause:.0f} s")
                time.sleep(pause)
    if sha256 is not None:
        try:
            check_sha256(part.path, sha256, name)
        except UserError:
            part.path.unlink()
            raise
    part.path.rename(whole)
    return whole


def shown(address: str) -> str:
    """``address`` without what may be secret in it: user, password, query.

    Raises:
        UserError: it is no address.
    """
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise UserError(f"'{address}' is no address: {error}") from None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def check_sha256(path: Path, expected: str, name: str) -> None:
    """Compare the sha256 of the file ``path``, called ``name`` in the message.

    Raises:
        UserError: it is not ``expected``.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise UserError(
            f"{name} has the sha256 {found}, not {expected}: it was damaged on the way or is "
            "another file; fetch it again or correct the sha256"
        )


def _continue(
    session: requests.Session, address: str, part: _Part, sha256: str | None, patience: Patience
) -> None:
    """Fetch what is missing of ``part``, in one request."""
    # A content encoding would make lengths and ranges count other bytes than the file's.
    headers = {"Accept-Encoding": "identity"}
    size = part.size
    if size and (part.validator or sha256):
        headers["Range"] = f"bytes={size}-"
        if part.validator:
            (headers["If-Range"],) = part.validator.values()
    name = shown(address)
    try:
        with session.get(
            address,
            headers=headers,
            stream=True,
            timeout=(patience.connect_seconds, patience.read_seconds),
        ) as response:
            if not _is_complete(response, part):
                begins = _prepare(response, part, name)
                with transfer(_file_name(name), part.total, part.size) as progress:
                    _store(response, part, progress, name if begins else None)
    except requests.exceptions.SSLError as error:
        raise UserError(f"{name}: no safe connection: {_innermost(error)}") from None
    except requests.exceptions.Timeout:
        raise _PassingError("the server does not answer") from None
    except requests.exceptions.ConnectionError as error:
        raise _PassingError(f"no connection: {_innermost(error)}") from None
    except requests.exceptions.RequestException as error:
        raise UserError(f"{name} cannot be fetched: {_innermost(error)}") from None


def _is_complete(response: requests.Response, part: _Part) -> bool:
    """Whether the server says that nothing of the file is missing."""
    if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return False
    if response.headers.get("Content-Range") == f"bytes */{part.size}" and part.size:
        return True
    part.begin({}, None)
    raise _PassingError("the file on the server has changed")


def _prepare(response: requests.Response, part: _Part, name: str) -> bool:
    """Check the answer's head; return whether the file's first byte comes first."""
    status = response.status_code
    if status in _PASSING:
        raise _PassingError(f"{_status(response)}", _retry_after(response))
    if status == HTTPStatus.OK:
        part.begin(_validator(response), _length(response))
        return True
    if status == HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
        )
        total = int(found[2]) if found and found[2] != "*" else None
        if (
            found is None
            or int(found[1]) != part.size
            or (part.total is not None and total not in (None, part.total))
            or any(response.headers.get(key, was) != was for key, was in part.validator.items())
        ):
            part.begin({}, None)
            raise _PassingError("the file on the server has changed")
        part.total = part.total or total
        return False
    reason = _FINAL.get(HTTPStatus(status)) if status in set(HTTPStatus) else None
    raise UserError(
        f"{name}: {reason or 'the server refuses'} ({_status(response)}); "
        "check the address, or fetch the file with a browser and give its path"
    )


def _store(
    response: requests.Response, part: _Part, progress: Progress, begins_as: str | None
) -> None:
    """Append the answer's body to ``part``; first look whether it is a web page.

    Args:
        response: with its body still to come.
        part: grows.
        progress: is told of every chunk.
        begins_as: the address, for the message, if the body is the file's beginning.
    """
    try:
        with part.path.open("ab") as file:
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                if begins_as is not None:
                    page = describe_page(chunk, response.headers.get("Content-Type", ""))
                    if page is not None:
                        raise UserError(f"{begins_as} is not a file but {page}")
                    begins_as = None
                file.write(chunk)
                progress.advance(len(chunk))
    except HTTPError:
        raise _PassingError(f"the connection broke off after {_amount(part)}") from None
    if part.total is not None and part.size != part.total:
        message = f"the server announced {part.total:,} bytes and sent {part.size:,}"
        if part.size > part.total:
            part.begin({}, None)
        raise _PassingError(message)


def _validator(response: requests.Response) -> dict[str, str]:
    etag = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return {"ETag": etag}
    modified = response.headers.get("Last-Modified", "")
    return {"Last-Modified": modified} if modified else {}


def _length(response: requests.Response) -> int | None:
    announced = response.headers.get("Content-Length", "").strip()
    return int(announced) if announced.isascii() and announced.isdigit() else None


def _retry_after(response: requests.Response) -> float:
    try:
        return Retry().get_retry_after(response.raw) or 0
    except InvalidHeader:
        return 0


def _status(response: requests.Response) -> str:
    return f"HTTP {response.status_code} {response.reason or ''}".strip()


def _amount(part: _Part) -> str:
    return f"{part.size:,} of {part.total:,} bytes" if part.total else f"{part.size:,} bytes"


def _surrender(name: str, problem: _PassingError, failures: int, part: _Part) -> str:
    message = f"{name}: {problem}"
    if problem.pause:
        message += f", and asks to wait at least {problem.pause:.0f} s"
    if failures > 1:
        message += f"; {failures} tries in a row failed"
    if part.size:
        message += f"; running this again goes on after {_amount(part)}"
    return message


def _innermost(error: BaseException) -> str:
    """What went wrong at the bottom of a chain of exceptions, in one line."""
    inner: object = error
    while isinstance(inner, BaseException):
        error = inner
        # urllib3 keeps the cause as reason or among its arguments.
        causes = [getattr(error, "reason", None), *error.args]
        inner = next((cause for cause in causes if isinstance(cause, BaseException)), None)
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    # urllib3 puts the connection's representation before its message.
    return re.sub(r"^<?\S+ object at 0x\w+>?: |^\w+\(host=[^)]*\): ", "", text)


def _file_name(name: str) -> str:
    return PurePosixPath(urlsplit(name).path).name or name
