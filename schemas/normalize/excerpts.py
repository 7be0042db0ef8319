"""The start of any value on one line, for messages and for quarantine."""

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import islice

from schemas.normalize.cleaning import line

_EXCERPT_ITEMS = 10
_EXCERPT_DEPTH = 4


def excerpt(value: object, limit: int = 200) -> str:
    """Show the start of any value on one clean line of at most `limit` characters.

    Of containers only the first ten items are looked at, four levels deep, of texts and bytes only
    what can be shown, so the cost does not follow the size; what cannot be shown is named by its
    type.
    """
    try:
        shown = value[: 4 * limit] if isinstance(value, str) else _shown(value, limit, 0)
    except Exception:  # a foreign __repr__ may raise anything, and quarantine must not
        shown = f"<{type(value).__name__}>"
    is_cut = isinstance(value, str) and len(value) > len(shown)
    folded = line(shown[: 4 * max(limit, 0)])
    if len(folded) <= limit and not is_cut:
        return folded
    return folded[: max(limit - 1, 0)].rstrip() + "…" if limit > 0 else ""


def _shown(value: object, limit: int, depth: int) -> str:
    if isinstance(value, str | bytes | bytearray):
        return repr(value[:limit])
    if isinstance(value, int) and value.bit_length() > 4 * limit:
        return f"<int of {value.bit_length()} bits>"
    if isinstance(value, Mapping | Sequence | Set) and depth >= _EXCERPT_DEPTH:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        pairs = (
            f"{_shown(key, limit, depth + 1)}: {_shown(item, limit, depth + 1)}"
            for key, item in islice(value.items(), _EXCERPT_ITEMS)
        )
        return f"{{{_listed(pairs, len(value))}}}"
    if isinstance(value, Sequence | Set) and not isinstance(value, range | memoryview):
        items = (_shown(item, limit, depth + 1) for item in islice(value, _EXCERPT_ITEMS))
        opening, closing = "()" if isinstance(value, tuple) else "[]"
        return f"{opening}{_listed(items, len(value))}{closing}"
    return repr(value)


def _listed(items: Iterable[str], count: int) -> str:
    return ", ".join(items) + (", ..." if count > _EXCERPT_ITEMS else "")
