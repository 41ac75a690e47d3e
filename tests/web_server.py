"""A real HTTP server on loopback that answers as a test's script says."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """Answers each request with the next of ``answers``, and again and again with the last."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, dict[str, str]]] = []

    def address(self, path: str = "/faces.zip") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ranges(self) -> list[str]:
        """The Range of each request, empty where it had none."""
        return [headers.get("Range", "") for _, headers in self.requests]


@contextmanager
def running() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            web.requests.append((self.path, dict(self.headers)))
            answer = web.answers.pop(0) if len(web.answers) > 1 else web.answers[0]
            # A client may leave when it has seen enough.
            with suppress(ConnectionError):
                answer(self)

        def end_headers(self) -> None:
            self.send_header("Connection", "close")
            super().end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web = Web(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def content(
    body: bytes,
    *,
    etag: str = '"1"',
    modified: str = "",
    ranges: bool = True,
    send: int | None = None,
    kind: str = "application/zip",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Serve ``body`` as RFC 9110 says, but send at most ``send`` bytes of what is asked for."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        condition = request.headers.get("If-Range")
        start = 0
        status = 200
        extra = dict(headers or {})
        if ranges and asked and condition in (None, etag, modified):
            start = int(asked[1])
            status = 206 if start < len(body) else 416
            extra["Content-Range"] = (
                f"bytes {start}-{len(body) - 1}/{len(body)}"
                if status == 206
                else f"bytes */{len(body)}"
            )
        rest = body[start:] if status != 416 else b""
        request.send_response(status)
        request.send_header("Content-Length", str(len(rest)))
        if etag:
            request.send_header("ETag", etag)
        if modified:
            request.send_header("Last-Modified", modified)
        request.send_header("Content-Type", kind)
        for name, value in extra.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(rest[:send])

    return answer


def status(code: int, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def silence(seconds: float) -> Answer:
    """Say nothing for so long, and then hang up."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        threading.Event().wait(seconds)

    return answer
