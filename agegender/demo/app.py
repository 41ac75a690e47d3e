"""The page's web application: it predicts on photos that a browser on this machine sends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import web

from agegender.common.pictures import data_url
from agegender.download.archive import MAX_BYTES, FoundFile
from agegender.prediction.predictor import OUTPUTS, Prediction, Predictor

# Photos that wait while others are looked at; more are asked to come again.
MAX_WAITING = 8
HERE = Path(__file__).parent
FILES = {
    "/": HERE / "page.html",
    "/base.css": HERE.parent / "report/base.css",
    "/style.css": HERE / "style.css",
    "/script.js": HERE / "script.js",
}
HEADERS = {
    # The page loads nothing from elsewhere, and sends nothing elsewhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = logging.getLogger(__name__)


def make_app(predictors: Mapping[str, Predictor]) -> web.Application:
    """The application; each photo is answered by every model.

    Photos are held in memory until they are answered and never written to a file.

    Args:
        predictors: by the title that the page shows, at least one.
    """
    pool = ThreadPoolExecutor(1)
    waiting = 0

    async def predict(request: web.Request) -> web.Response:
        nonlocal waiting
        if waiting >= MAX_WAITING:
            raise _error(web.HTTPServiceUnavailable, "too many photos at once; try again")
        waiting += 1
        try:
            content = await request.read()
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(pool, _predict, content, predictors)
            return web.json_response(answer)
        finally:
            waiting -= 1

    async def close(app: web.Application) -> None:
        pool.shutdown(cancel_futures=True)

    app = web.Application(client_max_size=MAX_BYTES, middlewares=[_protect])
    app.on_cleanup.append(close)
    app.router.add_post("/predict", predict)
    for address, path in FILES.items():
        app.router.add_get(address, _file(path))
    return app


def serve(app: web.Application, port: int, announce: Callable[[str], None]) -> None:
    """Answer the browsers of this machine, and no other, until Ctrl-C.

    Args:
        app: see `make_app`.
        port: 0 for any that is free.
        announce: is given the page's address once it answers.

    Raises:
        OSError: the port is in use.
    """

    async def run() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            announce(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    asyncio.run(run())


@web.middleware
async def _protect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer this page alone: no page of another site, not even under a name of its own for us."""
    try:
        host = request.host.rpartition(":")[0] or request.host
        origin = request.headers.get("Origin")
        if host not in ("127.0.0.1", "localhost"):
            raise _error(web.HTTPForbidden, "this page is for this machine: use 127.0.0.1")
        if origin not in (None, f"http://{request.host}") or (
            request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        ):
            raise _error(web.HTTPForbidden, "requests of other sites are not answered")
        response = await handler(request)
    except web.HTTPRequestEntityTooLarge:
        response = web.Response(status=413, text=f"more than {MAX_BYTES // 2**20} MiB")
    except web.HTTPException as error:
        response = error
    except Exception:
        logger.exception("a request failed")
        response = _error(web.HTTPInternalServerError, "the photo could not be answered")
    response.headers.update(HEADERS)
    return response


def _error(kind: type[web.HTTPException], message: str) -> web.HTTPException:
    return kind(text=message, content_type="text/plain")


def _file(path: Path) -> Handler:
    async def handler(request: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    return handler


def _predict(content: bytes, predictors: Mapping[str, Predictor]) -> dict[str, Any]:
    """What each model says of a photo, as the page reads it."""
    answer: dict[str, Any] = {"problem": "", "width": 0, "height": 0, "models": {}}
    for title, predictor in predictors.items():
        (result,) = predictor.stream([FoundFile("", content, "")])
        answer["models"][title] = [_face(face) for face in result.faces]
        if result.photo is not None:
            answer["width"], answer["height"] = result.photo.size
    if not any(answer["models"].values()):
        answer["problem"] = result.problem
    return answer


def _face(face: Prediction) -> dict[str, Any]:
    shown = {name: getattr(face, name) for name in (*OUTPUTS, "box", "score", "warning")}
    return {**shown, "crop": data_url(face.crop, "PNG")}
