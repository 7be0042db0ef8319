"""The page that shows a deduplication: what was joined and why, and what people should look at.

One file that asks for nothing elsewhere: style inside, no script, and a policy that forbids both any
request and any style but this one. All text of records is escaped by the template's engine.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pyarrow as pa
import pyarrow.compute as pc

from flows.bibliography.reading import Reading
from flows.terminal import one_line
from warehouse.dedupe.alone import Grouping
from warehouse.reading import select

MARK = '<meta name="generator" content="paperlake dedupe">'
"""By which a page of ours is known."""
MOST_CLUSTERS = 500
MOST_PAIRS = 200
"""Undecided pairs, and as many related ones."""
_MOST_RECORDS = 12
_MOST_REASONS = 30
_MOST_BAD = 100
_WIDEST = 400
_FIELDS = {
    "title": "Title",
    "authors": "Authors",
    "year": "Year",
    "venue": "Venue",
    "volume": "Volume",
    "issue": "Issue",
    "pages": "Pages",
    "doi": "DOI",
    "arxiv_id": "arXiv",
    "pmid": "PubMed",
    "type": "Type",
    "abstract": "Abstract",
    "source": "Source",
}
# The least certain first: that is what is worth a look.
_CLUSTERS = """
with joined as (
    select clusters.paper_id, min(matches.score) as least
    from matches
    join clusters on clusters.record_id = matches.left_id
    where matches.relation in ('same', 'version')
    group by clusters.paper_id
),
sized as (
    select paper_id, count(*) as n_records, count(distinct edition_id) as n_editions
    from clusters
    group by paper_id
    having count(*) > 1
)
select sized.paper_id, sized.n_records, sized.n_editions, joined.least
from sized
left join joined using (paper_id)
order by joined.least nulls last, sized.paper_id
limit $most
"""
_MEMBERS = """
with placed as (
    select
        clusters.*,
        row_number() over (partition by paper_id order by record_number) as place,
    from clusters
    where paper_id in (select unnest($papers::varchar[]))
)
select paper_id, record_id, relation
from placed
where place <= $most
order by record_number
"""
_JOINED = """
with placed as (
    select
        one.paper_id,
        matches.*,
        row_number() over (
            partition by one.paper_id
            order by matches.score, matches.left_id, matches.right_id
        ) as place,
    from matches
    join clusters as one on one.record_id = matches.left_id
    join clusters as other on other.record_id = matches.right_id
    where matches.relation in ('same', 'version')
        and one.paper_id = other.paper_id
        and one.paper_id in (select unnest($papers::varchar[]))
)
select paper_id, left_id, right_id, relation, score, evidence
from placed
where place <= $most
order by paper_id, place
"""
_PAIRS = """
select left_id, right_id, relation, score, evidence
from matches
where outcome = $outcome
order by score desc, left_id, right_id
limit $most
"""
_RECORDS = """
select *
from records
where record_id in (select unnest($ids::varchar[]))
"""


def page(reading: Reading, grouping: Grouping, counts: Mapping[str, int]) -> str:
    """The page, as HTML.

    Args:
        reading: the records, and what was left out.
        grouping: what was found of them.
        counts: the figures of the summary.
    """
    with duckdb.connect() as connection:
        numbers = pa.array(range(grouping.clusters.num_rows), pa.int64())
        connection.register("clusters", grouping.clusters.append_column("record_number", numbers))
        matches = grouping.matches.append_column("outcome", outcomes(grouping))
        connection.register("matches", matches)
        connection.register("records", reading.records)
        clusters = _clusters(connection)
        pairs = {
            outcome: select(connection, _PAIRS, {"outcome": outcome, "most": MOST_PAIRS})
            for outcome in ("undecided", "apart", "related")
        }
        ids = {member["record_id"] for item in clusters for member in item["members"]}
        ids |= {pair[side] for found in pairs.values() for pair in found for side in _SIDES}
        records = {
            row["record_id"]: row for row in select(connection, _RECORDS, {"ids": sorted(ids)})
        }
    for item in clusters:
        item["rows"] = _compared([records[member["record_id"]] for member in item["members"]])
    for found in pairs.values():
        for pair in found:
            pair["rows"] = _compared([records[pair[side]] for side in _SIDES])
    n_clusters = _n_clusters(grouping)
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (folder / "deduplication_page.css").read_text(encoding="utf-8")
    environment.filters["signed"] = _signed
    return environment.get_template("deduplication_page.html").render(
        mark=MARK,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        counts=counts,
        clusters=clusters,
        n_clusters=n_clusters,
        pairs=pairs,
        notes=reading.notes,
        bad=[str(row) for row in reading.bad[:_MOST_BAD]],
    )


_SIDES = ("left_id", "right_id")


def outcomes(grouping: Grouping) -> Any:
    """What became of each match: joined, apart (alike, and yet two papers), undecided, related.

    Or `within`: undecided or related by itself, and in one paper through others.

    Returns:
        An Arrow array of names, in the order of the matches.
    """
    clusters, matches = grouping.clusters, grouping.matches
    names = clusters["record_id"].combine_chunks()
    left, right = (
        clusters["paper_id"].take(pc.index_in(matches[side], value_set=names)) for side in _SIDES
    )
    together = pc.equal(left, right)
    accepted = pc.is_in(matches["relation"], value_set=pa.array(["same", "version"]))
    return pc.if_else(
        accepted,
        pc.if_else(together, "joined", "apart"),
        pc.if_else(together, "within", matches["relation"]),
    )


def _clusters(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The papers of two records and more, with their members and what joined them."""
    clusters = select(connection, _CLUSTERS, {"most": MOST_CLUSTERS})
    papers = [item["paper_id"] for item in clusters]
    members = select(connection, _MEMBERS, {"papers": papers, "most": _MOST_RECORDS})
    joined = select(connection, _JOINED, {"papers": papers, "most": _MOST_REASONS})
    of_papers = _by_paper(members), _by_paper(joined)
    for item in clusters:
        item["members"], item["joined"] = (found.get(item["paper_id"], []) for found in of_papers)
    return clusters


def _by_paper(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["paper_id"], []).append(row)
    return found


def _n_clusters(grouping: Grouping) -> int:
    sizes = grouping.clusters.group_by("paper_id").aggregate([("record_id", "count")])
    n_single = sizes["record_id_count"].to_pylist().count(1)
    return sizes.num_rows - n_single


def _compared(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The fields that any of the records has, a row each, with what differs marked.

    A value that is missing is no difference, nor are case, blanks and punctuation.
    """
    rows = []
    for name, label in _FIELDS.items():
        values = [_shown(record[name]) for record in records]
        if not any(values):
            continue
        keys = ["".join(filter(str.isalnum, value.casefold())) for value in values]
        known = Counter(key for key in keys if key)
        usual = known.most_common(1)[0][0] if known else ""
        differs = len(known) > 1 and name != "source"
        cells = [
            {"text": one_line(value, _WIDEST), "differs": differs and bool(key) and key != usual}
            for value, key in zip(values, keys, strict=True)
        ]
        rows.append({"label": label, "cells": cells, "differs": differs})
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(value)
    return one_line(value, None)


def _signed(value: float) -> str:
    """A contribution with its sign, and a minus that is one."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")
