"""The sandbox over HTTP on loopback: every source of the folder `routes`, for any night."""

import importlib
import pkgutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from flows.sandbox import routes as folder
from flows.sandbox.days import LAST_NIGHT
from flows.sandbox.universe import Universe
from schemas.errors import PaperlakeError, UsageError

NIGHTS_KEPT = 32
PATIENCE_SECONDS = 10.0


def app(universe: Universe, night: int = 0) -> Starlette:
    """The sandbox as an application; paths without `/night/N/` belong to the given night.

    Raises:
        UsageError: the night is not from 0 to 400.
    """
    if not 0 <= night <= LAST_NIGHT:
        raise UsageError(f"the sandbox has nights 0 to {LAST_NIGHT}, not {night}")
    routers: dict[int, Router] = {}

    async def any_night(scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["path_params"]["night"]
        if asked > LAST_NIGHT:
            await _missing(None, None)(scope, receive, send)
            return
        if asked not in routers:
            while len(routers) >= NIGHTS_KEPT:
                del routers[next(iter(routers))]
            routers[asked] = Router(_night_routes(universe, asked))
        await routers[asked](scope, receive, send)

    return Starlette(
        routes=[Mount("/night/{night:int}", app=any_night), *_night_routes(universe, night)],
        exception_handlers={404: _missing},
    )


def _night_routes(universe: Universe, night: int) -> list[BaseRoute]:
    async def about(_request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "sandbox": "paperlake",
                "origin": universe.origin,
                "seed": universe.seed,
                "papers": universe.papers,
                "night": night,
                "night_date": universe.night_date(night).isoformat(),
                "now": f"{universe.now(night):%Y-%m-%dT%H:%M:%SZ}",
            }
        )

    found: list[BaseRoute] = [Route("/", about)]
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda m: m.name):
        source = importlib.import_module(f"{folder.__name__}.{module.name}")
        found.append(Mount(f"/{module.name}", routes=source.routes(universe, night)))
    return found


def _missing(_request: Any, _error: Any) -> JSONResponse:
    return JSONResponse({"error": "There is nothing here."}, 404)


@contextmanager
def run_in_thread(universe: Universe, night: int = 0, port: int = 0) -> Iterator[str]:
    """Serve on 127.0.0.1 in a daemon thread while the context lasts; yields the base URL.

    Raises:
        PaperlakeError: the server did not start, for example because the port is taken.
    """
    server = uvicorn.Server(
        uvicorn.Config(
            app(universe, night),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
    )
    # Named as TCP, or asyncio would not switch Nagle's algorithm off: 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise PaperlakeError(f"the sandbox cannot use port {port}: {error.strerror}") from error
    bound = listener.getsockname()[1]
    thread = threading.Thread(
        target=server.run, args=([listener],), name="paperlake-sandbox", daemon=True
    )
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise PaperlakeError("the sandbox's server did not start")
            time.sleep(0.005)
        yield f"http://127.0.0.1:{bound}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
        listener.close()
