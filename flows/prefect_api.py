"""The little of Prefect's REST API that is asked without importing Prefect."""

import json
import urllib.request
from typing import Any

from flows.sandbox.client import is_loopback

# A server on the same machine answers in milliseconds; a night, or a look at it, waits no longer.
PATIENCE_SECONDS = 3.0
_LARGEST_ANSWER = 8_000_000


def ask(url: str, path: str) -> Any:
    """What the API at `url` answers to a GET.

    Raises:
        OSError: it does not answer within `PATIENCE_SECONDS`, or refuses.
        ValueError: what it sends is no JSON.
    """
    # A proxy that the environment names must not lead loopback away.
    handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    opener = urllib.request.build_opener(*handlers)
    with opener.open(f"{url.rstrip('/')}{path}", timeout=PATIENCE_SECONDS) as answer:
        return json.loads(answer.read(_LARGEST_ANSWER))
