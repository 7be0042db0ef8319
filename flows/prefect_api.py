"""The little of Prefect's REST API that is asked without importing Prefect."""

import http.client
import json
import urllib.request
from typing import Any

from flows.sandbox.client import is_loopback
from flows.settings import prefect_api_headers

# A server on the same machine answers in milliseconds; a night, or a look at it, waits no longer.
PATIENCE_SECONDS = 3.0
_LARGEST_ANSWER = 8_000_000


def ask(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """What the API at `url` answers to a GET, or to a POST where there is a body.

    Raises:
        OSError: it does not answer within `PATIENCE_SECONDS`, or refuses.
        ValueError: what it sends is no JSON.
    """
    # A proxy that the environment names must not lead loopback away.
    handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(  # noqa: S310 - the user's own address
        f"{url.rstrip('/')}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **prefect_api_headers()},
    )
    try:
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            return json.loads(answer.read(_LARGEST_ANSWER))
    except http.client.HTTPException as error:
        raise OSError(f"it broke off ({error})") from error


def problem_of(url: str) -> str | None:
    """Why the API at `url` cannot be used; None when it answers."""
    try:
        ask(url, "/health")
    except (OSError, ValueError) as error:
        return str(error)
    return None
