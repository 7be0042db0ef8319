"""Why two listings are one paper or are not, and of which pairs that is least certain."""

import shlex
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from flows.published import reading, tells_matches
from flows.settings import load_settings
from flows.source import lists_once
from schemas.errors import UsageError
from schemas.normalize import arxiv_id, doi
from warehouse.dedupe.alone import MOST_IN_BLOCK
from warehouse.dedupe.clusters import DOUBTFUL
from warehouse.dedupe.explanation import Explained, explain
from warehouse.dedupe.identifiers import JOINING_RELATIONS, LINKING_SCHEMES
from warehouse.dedupe.weights import ACCEPTED, WEIGHTS
from warehouse.reading import Rows, select
from warehouse.snapshots import Lake

_LINK_KINDS = (*LINKING_SCHEMES, *JOINING_RELATIONS)
_RECORD = """
select
    listing_id, paper_id, edition_id, title, authors_text, publication_date, type, venue, journal_ref,
    doi, arxiv_id, identifiers, is_withdrawn,
from main.listings
where listing_id = ?
"""


def why(lake: Lake, one: str, other: str) -> dict[str, Any]:
    """Two listings side by side: what they were taken for, and each reason with what it adds.

    Args:
        lake: the lake.
        one: a listing_id; or a paper_id, a DOI or an arXiv id, which stand for a listing, see
            `listing_of`.
        other: the same.

    Raises:
        UsageError: nothing is known by a key, or both lead to one listing.
    """
    with reading(lake) as connection:
        _require_matches(connection)
        left, right = listing_of(connection, one), listing_of(connection, other)
        if left == right:
            raise UsageError(
                f"'{one}' and '{other}' both lead to the listing {left}: name two listings, such as "
                f"those that `paperlake show {one}` tells."
            )
        records = [select(connection, _RECORD, [key])[0] for key in (left, right)]
        explained = explain(connection, left, right)
        decision = _decision(connection, left, right)
        papers = [record["paper_id"] for record in records]
        is_joined = papers[0] is not None and papers[0] == papers[1]
        through = _through(connection, left, right, papers[0]) if is_joined else []
        verdict = (
            _joined_sentence(through)
            if is_joined
            else _apart_sentence(connection, records, explained, decision)
        )
    return {
        "records": records,
        "is_joined": is_joined,
        "verdict": verdict,
        "through": through,
        "decision": decision,
        "is_compared": explained is not None and explained.is_compared,
        "comparison": _comparison_sentence(explained),
        "relation": explained.relation if explained else None,
        "score": explained.score if explained else None,
        "accepted_from": ACCEPTED,
        "model": explained.model if explained else None,
        "evidence": [
            {**item.model_dump(), "says": WEIGHTS[item.name].says}
            for item in (explained.evidence if explained else ())
        ],
    }


def listing_of(connection: duckdb.DuckDBPyConnection, key: str) -> str:
    """The listing that a key stands for.

    A paper_id stands for the listing the paper takes most from, one that was given up for the
    listing it was born with; a DOI, an arXiv id or another identifier for a listing that bears it:
    the record of that very registry, else if possible the one its paper takes most from.

    Raises:
        UsageError: nothing is known by that key.
    """
    key = key.strip()
    identifier = arxiv_id(key)
    value = (identifier.id if identifier else None) or doi(key) or key
    tries = (
        ("select listing_id from lake.listings where listing_id = ?", key),
        ("select best_listing_id from lake.papers where paper_id = ?", key),
        (
            "select m.listing_id from lake.redirects as r "
            "join lake.memberships as m on m.paper_id = r.merged_into "
            "where r.paper_id = ? order by 'p' || sha256(m.listing_id)[1:16] <> r.paper_id, 1",
            key,
        ),
        (
            "select i.listing_id from main.identifiers as i "
            "left join lake.papers as p on p.paper_id = i.paper_id where i.value = ? "
            "order by i.listing_id <> i.scheme || ':' || i.value, "
            "p.best_listing_id is distinct from i.listing_id, i.listing_id",
            value,
        ),
    )
    for sql, given in tries:
        row = connection.execute(sql, [given]).fetchone()
        if row is not None:
            return str(row[0])
    raise UsageError(
        f"Nothing is known as '{key}': give a listing_id such as arxiv:2401.00001, a paper_id, a DOI "
        "or an arXiv id."
    )


def _require_matches(connection: duckdb.DuckDBPyConnection) -> None:
    if not tells_matches(connection):
        raise UsageError(
            "The newest snapshot was made by an earlier version, which kept no matches: run "
            "`paperlake regroup` or a night first."
        )


def _decision(
    connection: duckdb.DuckDBPyConnection, left: str, right: str
) -> dict[str, Any] | None:
    rows = select(
        connection,
        "select verdict, who, why, decided_on from lake.decisions where left_id = ? and right_id = ?",
        sorted((left, right)),
    )
    return rows[0] if rows else None


# What joins


def _through(
    connection: duckdb.DuckDBPyConnection, left: str, right: str, paper_id: str
) -> list[dict[str, Any]]:
    """The shortest way from one listing of a paper to another: pairs, and what joins each."""
    bonds = _bonds(connection, paper_id)
    before: dict[str, str] = {left: left}
    waiting = deque([left])
    while waiting and right not in before:
        here = waiting.popleft()
        for there in sorted(bonds.get(here, {})):
            if there not in before:
                before[there] = here
                waiting.append(there)
    steps: list[dict[str, Any]] = []
    here = right if right in before else left
    while here != left:
        by = bonds[before[here]][here]
        steps.append({"left_id": before[here], "right_id": here, "by": sorted(by)})
        here = before[here]
    return steps[::-1]


def _bonds(
    connection: duckdb.DuckDBPyConnection, paper_id: str
) -> Mapping[str, Mapping[str, set[str]]]:
    """Of each listing of a paper those it is joined to, and by what."""
    bonds: dict[str, dict[str, set[str]]] = {}

    def join(one: str, other: str, by: str) -> None:
        for here, there in ((one, other), (other, one)):
            bonds.setdefault(here, {}).setdefault(there, set()).add(by)

    members = select(
        connection,
        "select listing_id, link_keys from lake.memberships where paper_id = ? order by listing_id",
        [paper_id],
    )
    ids = [row["listing_id"] for row in members]
    matches = select(
        connection,
        "select left_id, right_id, relation, score, "
        "list_contains([item.name for item in evidence], 'identifier_void') as is_void "
        "from lake.matches where left_id in (select unnest($1)) and right_id in (select unnest($1))",
        [ids],
    )
    void = {(row["left_id"], row["right_id"]) for row in matches if row["is_void"]}
    bearers: dict[int, list[tuple[str, str]]] = {}
    for row in members:
        for key in row["link_keys"]:
            kind = _LINK_KINDS[(key & 7) - 1]
            bearers.setdefault(key >> 3, []).append((row["listing_id"], kind))
    for found in bearers.values():
        for at, (one, kind) in enumerate(found):
            for other, other_kind in found[at + 1 :]:
                if one != other and (min(one, other), max(one, other)) not in void:
                    for name in {kind, other_kind}:
                        join(one, other, f"identifier ({name})")
    for row in matches:
        if row["relation"] in ("same", "version"):
            told = f"likeness ({row['relation']}, {row['score']:.1f})"
            join(row["left_id"], row["right_id"], told)
    for row in select(
        connection,
        "select left_id, right_id, who from lake.decisions where verdict = 'together' "
        "and left_id in (select unnest($1)) and right_id in (select unnest($1))",
        [ids],
    ):
        join(row["left_id"], row["right_id"], f"decision ({row['who']})")
    return bonds


def _joined_sentence(through: Sequence[Mapping[str, Any]]) -> str:
    if not through:
        return "They are in one paper."
    if len(through) == 1:
        return f"They are in one paper, by {', '.join(through[0]['by'])}."
    others = ", ".join(step["right_id"] for step in through[:-1])
    return f"They are in one paper through {others}."


# What keeps apart

_UNLIKE = (
    f"of the pairs of their listings more than {DOUBTFUL:.0%} are too unlike, or one has another DOI "
    "or identifier."
)


def _apart_sentence(
    connection: duckdb.DuckDBPyConnection,
    records: Sequence[Mapping[str, Any]],
    explained: Explained | None,
    decision: Mapping[str, Any] | None,
) -> str:
    for record in records:
        if record["paper_id"] is None:
            return (
                f"They are not in one paper: {record['listing_id']} is in none, since no title of it "
                "is known."
            )
    if decision is not None and decision["verdict"] == "apart":
        return (
            f"They are not in one paper, as {decision['who']} decided on {decision['decided_on']}: "
            f"{decision['why']}"
        )
    papers = [record["paper_id"] for record in records]
    reasons = {item.name for item in explained.evidence} if explained else set()
    if "identifier_void" in reasons:
        return (
            "They are not in one paper: they share an identifier, but neither titles nor authors "
            "agree, so it counts for nothing."
        )
    accepted = explained is not None and explained.relation in ("same", "version")
    if _share_identifier(connection, records) or (accepted and explained and explained.is_compared):
        return f"They are joined by nothing but kept apart: {_guard(connection, papers)}"
    if explained is None or not explained.is_compared:
        return "They are not in one paper: they were never compared."
    if explained.relation == "related":
        return "They are not in one paper, but related: an erratum, a reply, another part, or its like."
    if explained.relation == "undecided":
        return "They are not in one paper: it is undecided whether they are one."
    return "They are not in one paper: they are too different."


def _share_identifier(
    connection: duckdb.DuckDBPyConnection, records: Sequence[Mapping[str, Any]]
) -> bool:
    rows = select(
        connection,
        "select link_keys from lake.memberships where listing_id in (?, ?)",
        [record["listing_id"] for record in records],
    )
    first, second = ({key >> 3 for key in row["link_keys"]} for row in rows)
    return bool(first & second)


def _guard(connection: duckdb.DuckDBPyConnection, papers: Sequence[str]) -> str:
    """What keeps two papers apart although listings of theirs are alike or share an identifier."""
    decided = select(
        connection,
        "select d.left_id, d.right_id, d.who from lake.decisions as d "
        "join lake.memberships as l on l.listing_id = d.left_id "
        "join lake.memberships as r on r.listing_id = d.right_id "
        "where d.verdict = 'apart' and l.paper_id in ($1, $2) and r.paper_id in ($1, $2) "
        "and l.paper_id <> r.paper_id order by all limit 1",
        list(papers),
    )
    if decided:
        row = decided[0]
        return f"{row['who']} decided that {row['left_id']} and {row['right_id']} are apart."
    sources = [
        row["source"]
        for row in select(
            connection,
            "select l.source from lake.memberships as m "
            "join lake.listings as l on l.listing_id = m.listing_id where m.paper_id in (?, ?) "
            "group by l.source having count(distinct m.paper_id) = 2 order by 1",
            list(papers),
        )
        if row["source"] in lists_once()
    ]
    if sources:
        return (
            f"each has a listing of {', '.join(sources)}, where a paper is listed only once, or "
            f"{_UNLIKE}"
        )
    return _UNLIKE


def _comparison_sentence(explained: Explained | None) -> str:
    if explained is None:
        return "Never compared: one of them has no title."
    if explained.smallest_block is None:
        return "Never compared: no shared key. What follows is how they would be judged."
    if not explained.is_met:
        return (
            f"Never compared: of the {explained.n_shared_keys} keys they share the rarest is borne by "
            f"{explained.smallest_block:,} listings, more than {MOST_IN_BLOCK}, and tells nothing. "
            "What follows is how they would be judged."
        )
    if not explained.is_worthwhile:
        return (
            f"Never compared: they share {explained.n_shared_keys} keys, but a glance at their titles "
            "finds them too unlike. What follows is how they would be judged."
        )
    return (
        f"Compared under model {explained.model}: {explained.n_shared_keys} shared keys, the rarest "
        f"borne by {explained.smallest_block:,} listings."
    )


# What is least certain

_REVIEW = """
with judged as (
    select
        e.*,
        case
            when e.relation = 'undecided' and not e.is_joined then 'undecided'
            when e.relation in ('same', 'version') and not e.is_joined then 'kept apart'
            when e.relation in ('same', 'version') then 'barely joined'
        end as state,
    from main.match_evidence as e
    join lake.memberships as l on l.listing_id = e.left_id
    join lake.memberships as r on r.listing_id = e.right_id
    where e.decision is null
        -- What an identifier joins as well is as certain as can be.
        and not (e.is_joined and list_has_any(
            [key >> 3 for key in l.link_keys], [key >> 3 for key in r.link_keys]
        ))
)

select
    state, left_id, right_id, relation, score, evidence, left_title, right_title,
    left_paper_id, right_paper_id,
from judged
where state is not null and (state <> 'barely joined' or score < $accepted + 2.5)
qualify row_number() over (
    partition by
        state,
        case when is_joined then left_id else least(left_paper_id, right_paper_id) end,
        case when is_joined then right_id else greatest(left_paper_id, right_paper_id) end
    order by score desc, left_id, right_id
) = 1
order by abs(score - $accepted), left_id, right_id
limit $limit
"""


def review(lake: Lake, limit: int) -> Rows:
    """The pairs of which it is least certain whether they are one paper, the least certain first.

    Undecided ones, those that were barely joined, and those that are alike enough and yet kept
    apart; of two papers one pair. What a person decided or an identifier joins is not among them.
    """
    with reading(lake) as connection:
        _require_matches(connection)
        rows = select(connection, _REVIEW, {"accepted": ACCEPTED, "limit": limit})
    # What is to be typed works where the lake is not the one that is meant without saying so.
    is_meant = load_settings().lake.resolve() == lake.root.resolve()
    elsewhere = "" if is_meant else f" --lake {shlex.quote(str(lake.root))}"
    for row in rows:
        row["evidence"] = [{**item, "says": WEIGHTS[item["name"]].says} for item in row["evidence"]]
        is_joined = row["state"] == "barely joined"
        pair = shlex.join((row["left_id"], row["right_id"]))
        row["decide"] = {
            verdict: f"paperlake decide {verdict} {pair}{elsewhere}"
            for verdict in (("apart", "together") if is_joined else ("together", "apart"))
        }
    return rows
