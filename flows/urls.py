"""URLs as they are asked for, and as they may be seen: made of parts, and without secrets."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_plus, urlencode

HIDDEN = "***"
# Names of parameters, without their punctuation, whose values are secrets or the user's address.
_SECRET_NAME = re.compile(
    ".*(token|secret|password|passwd|apikey|accesskey|authkey)|"
    "key|pwd|mailto|email|auth|authorization|credentials?"
)
# Where the next page begins: hidden, all pages would be one to the pack.
_PAGE_NAME = re.compile("(resumption|continuation|page|next|nextpage)token")


def absolute_url(base_url: str, path_or_url: str, params: Mapping[str, str | int] | None) -> str:
    """The URL of a request: a path is appended to the base, the query to what is there."""
    url = path_or_url
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
        path = url.lstrip("/")
        glue = "/" if path and not path.startswith("?") else ""
        url = base_url.rstrip("/") + glue + path if path else base_url
    if not params:
        return url
    return url + ("&" if "?" in url else "?") + encode(params)


def redact(url: str) -> str:
    """A URL without secrets: values of parameters named like one are `***`, as is a user name.

    The fragment goes, as it is never sent. Tokens that say where the next page begins stay.
    """
    head, mark, query = url.partition("#")[0].partition("?")
    head = re.sub(r"//[^/]*@", f"//{HIDDEN}@", head)
    return head + mark + "".join(_redact_part(part) for part in re.split("([&;])", query))


def secret_names(url: str) -> set[str]:
    """The parameters of a URL whose values `redact` hides."""
    parts = re.split("[&;]", url.partition("#")[0].partition("?")[2])
    return {parameter_name(part) for part in parts if _redact_part(part) != part}


def _redact_part(part: str) -> str:
    name, sign, value = part.partition("=")
    plain = re.sub("[^a-z0-9]", "", parameter_name(part).lower())
    if not value or not _SECRET_NAME.fullmatch(plain) or _PAGE_NAME.fullmatch(plain):
        return part
    return name + sign + HIDDEN


def parameter_name(part: str) -> str:
    """The name in `name=value`, decoded."""
    return unquote_plus(part.partition("=")[0])


def encode(params: Mapping[str, str | int]) -> str:
    """A query, percent-encoded, in the given order."""
    return urlencode(params, quote_via=quote, safe="*:,")
