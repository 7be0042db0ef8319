"""Which pairs a grouping got wrong, sorted by how that came, with both records side by side."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from numpy.typing import ArrayLike

from tests.bench.contenders import Level
from tests.bench.gold import Gold
from tests.scoring import pairs_apart

_SHOWN = ("title", "authors", "year", "venue", "volume", "issue", "pages", "doi", "type", "source")
_TELLING = _SHOWN[:-1]  # two tables differ in their source by definition
_TOGETHER = {"edition": {"same"}, "paper": {"same", "version"}}
Record = Mapping[str, Any]


def report(gold: Gold, labels: ArrayLike, matches: pa.Table, level: Level) -> Iterator[str]:
    """Lines of text: false merges first, then missed pairs, each kind with the most pairs first."""
    records = gold.records.to_pylist()
    seen = {frozenset((m["left_id"], m["right_id"])): m for m in matches.to_pylist()}
    for what, pairs in (
        ("false merges", pairs_apart(labels, gold.labels, gold.tables)),
        ("missed pairs", pairs_apart(gold.labels, labels, gold.tables)),
    ):
        kinds: dict[str, list[list[str]]] = defaultdict(list)
        for first, second in pairs:
            left, right = records[first], records[second]
            match = seen.get(frozenset((left["record_id"], right["record_id"])))
            how = _how(match, _TOGETHER[level], merged=what == "false merges")
            differing = [field for field in _TELLING if _differs(left[field], right[field])]
            kind = f"{how}; {'differing in ' + ', '.join(differing) if differing else 'all equal'}"
            kinds[kind].append(list(_side_by_side(left, right, match)))
        count = sum(map(len, kinds.values()))
        yield f"## {gold.name}, {level}s: {count} {what}"
        for kind, shown in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
            yield f"\n### {len(shown)} {kind}"
            for lines in shown:
                yield "\n".join(["", *lines])
        yield ""


def _how(match: Record | None, together: set[str], merged: bool) -> str:
    if match is None:
        return "joined through others" if merged else "never weighed or far from it"
    if merged:
        linked = match["relation"] in together
        return "linked" if linked else f"{match['relation']}, yet joined through others"
    return (
        f"{match['relation']}, yet parted" if match["relation"] in together else match["relation"]
    )


def _differs(left: Any, right: Any) -> bool:
    return bool(left) and bool(right) and _plain(left) != _plain(right)


def _plain(value: Any) -> str:
    """Letters and digits alone; of names, in the order of the alphabet."""
    words = re.findall(r"\w+", _text(value).casefold())
    return "".join(words if isinstance(value, str) else sorted(words))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return (
        "; ".join(value)
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
    )


def _side_by_side(left: Record, right: Record, match: Record | None) -> Iterator[str]:
    yield f"{left['record_id']} and {right['record_id']}"
    if match is not None:
        parts = [f"{e['name']} {e['contribution']:+.1f} ({e['detail']})" for e in match["evidence"]]
        yield f"  {match['relation']}, {match['score']:.1f}: {', '.join(parts)}"
    for field in _SHOWN:
        one, other = left[field], right[field]
        if one is None and other is None:
            continue
        if _text(one) == _text(other):
            yield f"  {field:8} = {_text(one)}"
            continue
        mark = "!" if _differs(one, other) else " "
        yield f"  {field:8} {mark} {_text(one)}"
        yield f"  {'':8} {mark} {_text(other)}"
