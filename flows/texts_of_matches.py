"""What is said of what is one paper, and of what people decide, as text for a terminal."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from flows.terminal import one_line, table_of, text_table
from warehouse.decisions import Decision

_WIDTH = 60
_LONGEST = 600
"""Characters of a field that are shown: a title is no longer, and of many authors the first are enough."""


def why_text(answer: dict[str, Any]) -> str:
    """Two records side by side, and why they are one paper or are not."""
    left, right = answer["records"]
    rows = [
        row
        for name in left
        if any(record[name] not in (None, [], False) for record in (left, right))
        for row in _wrapped(name, left[name], right[name])
    ]
    lines = [text_table(["", "A", "B"], rows), answer["verdict"]]
    if len(answer["through"]) > 1:
        lines += [
            f"  {step['left_id']} - {step['right_id']}: {', '.join(step['by'])}"
            for step in answer["through"]
        ]
    decision = answer["decision"]
    if decision is not None and answer["is_joined"]:
        lines.append(
            f"{decision['who']} decided on {decision['decided_on']} that they are "
            f"{decision['verdict']}: {one_line(decision['why'], None)}"
        )
    lines.append(answer["comparison"])
    if answer["evidence"]:
        lines += [
            "",
            f"relation  {answer['relation']}",
            f"score     {answer['score']:.2f} (one work from {answer['accepted_from']:g} on)",
            "",
            _evidence_table(answer["evidence"]),
        ]
    return "\n".join(lines) + "\n"


def _wrapped(name: str, *values: Any) -> Iterator[list[str]]:
    """A field of both records, on as many lines as it takes: what differs may stand at its end."""
    cells = [textwrap.wrap(one_line(value, _LONGEST), _WIDTH) for value in values]
    for at, parts in enumerate(zip_longest(*cells, fillvalue="")):
        yield ["" if at else name, *parts]


def _evidence_table(evidence: Sequence[dict[str, Any]]) -> str:
    rows = [[f"{item['contribution']:+.2f}", item["name"], item["says"]] for item in evidence]
    return text_table(["adds", "reason", "says"], rows)


_MOST_REASONS = 4


def review_text(rows: Sequence[dict[str, Any]]) -> str:
    """Pairs that are uncertain, each with its strongest reasons and what to type."""
    if not rows:
        return "Nothing is uncertain.\n"
    lines = []
    for row in rows:
        lines += [
            f"{row['state']}, {row['relation']}, score {row['score']:.2f}",
            f"  {row['left_id']}  {one_line(row['left_title'], 90)}",
            f"  {row['right_id']}  {one_line(row['right_title'], 90)}",
        ]
        reasons = [
            f"{item['says']} ({item['contribution']:+.1f})"
            for item in row["evidence"][:_MOST_REASONS]
        ]
        lines.append(f"  {'; '.join(reasons)}")
        lines += [f"  {text} --who NAME --why TEXT" for text in row["decide"].values()]
        lines.append("")
    lines.append("`paperlake why A B` shows both records and every reason.")
    return "\n".join(lines) + "\n"


def decided_text(decision: Decision, path: Path) -> str:
    """What was decided, where it stands, and when it applies."""
    listings = ", ".join(decision.listings)
    return (
        f"{decision.verdict.capitalize()}: {listings}. Written to {path}.\n"
        "The next run applies it, or now: `paperlake regroup`.\n"
    )


def regrouped_text(answer: dict[str, Any]) -> str:
    """What a regrouping changed, for a terminal."""
    run, events = answer["run"], answer["events"]
    lines = [f"warning: {text}" for text in run["warnings"]]
    if run["snapshot"] is None:
        lines.append(
            "Nothing changed; no snapshot was needed."
            if run["state"] == "unchanged"
            else f"Nothing was published ({run['state']})."
        )
        return "\n".join(lines) + "\n"
    counts = ", ".join(f"{n:,} {name}" for name, n in events.items())
    lines.append(f"Snapshot {run['snapshot']} is published; papers: {counts}.")
    if run["kind"] == "model":
        matching = answer["matching"]
        lines.append(f"Model {matching['model']} is made of {matching['n_records']:,} listings.")
    if answer["examples"]:
        columns = ["event", "paper_id", "other_id", "listing_ids", "title"]
        lines += ["", table_of(answer["examples"], columns)]
        if sum(events.values()) > len(answer["examples"]):
            lines.append(f"All: `from papers_history where snapshot = {run['snapshot']}`")
    return "\n".join(lines) + "\n"
