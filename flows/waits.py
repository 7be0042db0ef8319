"""How long a source asks to wait, read from the headers of its answers; total on any text."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that `Retry-After` asks to wait (RFC 9110, 10.2.3), or None.

    A date counts from the answer's own Date, so that the two clocks need not agree.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch("[0-9]+", value):
        return float(value[:18])
    until = _http_date(value)
    sent = _http_date(headers.get("date", ""))
    return None if until is None else max(0.0, until - (now if sent is None else sent))


def parse_rate_limit(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until a spent budget is renewed, or None while something is left.

    Reads `RateLimit: "api";r=0;t=120` and the older pairs `RateLimit-Remaining` and `-Reset`, with
    and without X-. A reset may be seconds from now or a time since 1970.
    """
    waits = []
    for policy in headers.get("ratelimit", "").split(","):
        terms = dict(re.findall(r";\s*([rt])\s*=\s*([0-9]{1,15})(?![0-9.])", policy))
        if "t" in terms and terms.get("r", "").strip("0") == "" and "r" in terms:
            waits.append(float(terms["t"]))
    for prefix in ("ratelimit", "x-ratelimit"):
        remaining = _decimal(headers.get(f"{prefix}-remaining", ""))
        reset = _decimal(headers.get(f"{prefix}-reset", ""))
        if remaining is not None and reset is not None and remaining < 1:
            waits.append(max(0.0, reset - now) if reset > 1e9 else reset)
    return max(waits, default=None)


def parse_rate(headers: Mapping[str, str]) -> float | None:
    """Least seconds between two requests that `X-Rate-Limit-Limit` and `-Interval` ask for, or None.

    Crossref writes them so: 50 and `1s`. At most a minute.
    """
    limit = _decimal(headers.get("x-rate-limit-limit", ""))
    interval = _decimal(headers.get("x-rate-limit-interval", "").strip().removesuffix("s"))
    if not limit or interval is None:
        return None
    return min(interval / limit, 60.0)


def _decimal(value: str) -> float | None:
    return float(value) if re.fullmatch(r"\s*[0-9]{1,15}(\.[0-9]{1,9})?\s*", value) else None


def _http_date(value: str) -> float | None:
    try:
        when = parsedate_to_datetime(value)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
