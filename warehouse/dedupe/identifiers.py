"""Listings that share an identifier are one paper: connected components, stable ids, best fields.

Only what the snapshot's changed listings can reach is looked at, so the cost follows the change.
"""

from collections.abc import Mapping

import duckdb
import numpy as np
import pyarrow as pa

from schemas.arrow import schema_of
from schemas.datasets import LISTINGS, MEMBERSHIPS, PAPERS, REDIRECTS
from schemas.paper import Bibliography, Paper
from warehouse.dedupe import precedence
from warehouse.dedupe.precedence import UNKNOWN, Ranks
from warehouse.lake import Writer
from warehouse.manifest import quoted, sql_file
from warehouse.merging import Lacks

# Schemes that name one work; others (an ISSN, a grant) must never join papers.
LINKING_SCHEMES = ("arxiv", "doi", "openalex", "pmid", "semanticscholar")
# Relations between two forms of one work; others (a review, an erratum) must never join papers.
JOINING_RELATIONS = ("has-preprint", "is-preprint-of")


def group(writer: Writer, ranks: Mapping[str, Ranks], lacks: Lacks | None = None) -> None:
    """Bring papers, memberships and redirects up to date with the listings just written.

    Args:
        writer: of the coming snapshot.
        ranks: source -> its place where fields are taken from several listings.
        lacks: format -> columns it cannot carry, on which it has no say.
    """
    db = writer.db
    fresh = writer.written_rows(LISTINGS)
    if fresh is None:
        return
    for dataset in (PAPERS, MEMBERSHIPS, REDIRECTS):
        db.execute(f"create or replace temp view living_{dataset.name} as {writer.living(dataset)}")
    db.execute(f"create or replace temp view fresh as {fresh}")
    db.execute(f"create or replace temp table fresh_links as {links_sql(db, 'fresh')}")
    db.execute(
        "create or replace temp table untitled as select listing_id from fresh where title is null"
    )
    db.execute(sql_file("dedupe", "affected.sql"))
    _find_siblings(writer)
    db.execute(sql_file("dedupe", "links.sql"))
    _components(db)
    db.execute(
        """
        create or replace temp table affected_papers as
        select p.paper_id, p.birth_listing_id, p.first_seen_date
        from living_papers as p
        where p.paper_id in (
            select m.paper_id from living_memberships as m
            semi join affected as a on m.listing_id = a.listing_id
        )
        """
    )
    db.execute(sql_file("dedupe", "assign.sql"))
    _rank(db, ranks)
    _retire(db)
    # The new rows are made before any table changes, since the views read the old state.
    db.execute(f"create or replace temp table new_memberships as {_memberships_sql()}")
    db.execute(f"create or replace temp table new_papers as {_papers_sql(writer, lacks or {})}")
    writer.upsert(
        REDIRECTS,
        f"select paper_id, merged_into, date {quoted(writer.moment.night_date.isoformat())} "
        "as night_date from redirected",
        gone="select paper_id from assigned",
    )
    writer.upsert(MEMBERSHIPS, "select * from new_memberships")
    writer.upsert(PAPERS, "select * from new_papers", gone="select paper_id from retired")


def links_sql(db: duckdb.DuckDBPyConnection, listings: str) -> str:
    """SQL for the numbers by which listings may be joined; sets the variables it needs.

    Args:
        db: where it will be asked.
        listings: a table or view of listings, or a select in brackets.

    Returns:
        A select of listing_id and link_key, one row a listing and identifier.
    """
    schemes = ", ".join(quoted(scheme) for scheme in LINKING_SCHEMES)
    relations = ", ".join(quoted(relation) for relation in JOINING_RELATIONS)
    db.execute(f"set variable linking_schemes = [{schemes}]")
    db.execute(f"set variable joining_relations = [{relations}]")
    db.execute(f"set variable link_kinds = [{schemes}, {relations}]")
    return sql_file("dedupe", "fresh_links.sql").format(listings=listings)


def _find_siblings(writer: Writer) -> None:
    """The affected listings that did not change, whole, as table siblings.

    Few if any; yet the lake may be large. So it is asked first when they were published, and only
    the row groups of that time are read.
    """
    db = writer.db
    living = writer.living(LISTINGS)
    db.execute(
        "create or replace temp table sibling_ids as "
        "select listing_id from affected anti join fresh using (listing_id)"
    )
    within = "false"
    if db.execute("select count(*) from sibling_ids").fetchall() != [(0,)]:
        ((first, last, is_undated),) = db.execute(
            "select min(l.publication_date), max(l.publication_date), "
            "bool_or(l.publication_date is null) "
            f"from (select listing_id, publication_date from ({living})) as l "
            "semi join sibling_ids as s on l.listing_id = s.listing_id"
        ).fetchall()
        within = "true"
        if first is not None and not is_undated:
            within = f"l.publication_date between date '{first}' and date '{last}'"
    db.execute(
        f"create or replace temp table siblings as select l.* from ({living}) as l "
        f"semi join sibling_ids as s on l.listing_id = s.listing_id where {within}"
    )


def _components(db: duckdb.DuckDBPyConnection) -> None:
    """Connected components of listings and identifiers, as table components (listing_id, component)."""
    # Imported where it is needed: it takes a quarter of a second, and memory that a harvest can use.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = db.execute(
        "select listing_number, identifier_number, identifier is not null as is_link from links"
    ).fetchnumpy()
    rows = links["listing_number"][links["is_link"]].astype(np.int64)
    columns = links["identifier_number"][links["is_link"]].astype(np.int64)
    n_listings = int(links["listing_number"].max()) + 1 if len(links["listing_number"]) else 0
    n_identifiers = int(columns.max()) + 1 if len(columns) else 0
    size = n_listings + n_identifiers
    graph = coo_array(
        (np.ones(len(rows), dtype=np.int8), (rows, columns + n_listings)), shape=(size, size)
    )
    _, labels = connected_components(graph, directed=False)
    db.register(
        "labels",
        pa.table(
            {
                "listing_number": pa.array(np.arange(n_listings)),
                "component": pa.array(labels[:n_listings].astype(np.int64)),
            }
        ),
    )
    db.execute(
        "create or replace temp table components as "
        "select distinct k.listing_id, l.component "
        "from links as k join labels as l on k.listing_number = l.listing_number"
    )
    db.unregister("labels")


def _rank(db: duckdb.DuckDBPyConnection, ranks: Mapping[str, Ranks]) -> None:
    """The affected listings in their component, with their places in the two orders."""
    preprints = ", ".join(quoted(item) for item in precedence.PREPRINT_TYPES)
    published = f"coalesce(l.type not in ({preprints}), false)"
    db.execute(
        f"""
        create or replace temp view ranked as
        select
            c.component,
            l.*,
            {published} as is_published,
            {_order_sql({source: item.work for source, item in ranks.items()}, UNKNOWN.work)}
                as work_rank,
            {_order_sql({source: item.page for source, item in ranks.items()}, UNKNOWN.page)}
                as page_rank,
        from (select * from fresh union all by name select * from siblings) as l
        join components as c on l.listing_id = c.listing_id
        """
    )


def _retire(db: duckdb.DuckDBPyConnection) -> None:
    """Ids given up, and where each now leads; earlier redirects to them are led on."""
    db.execute(
        """
        create or replace temp table retired as
        select p.paper_id, a.paper_id as merged_into
        from affected_papers as p
        join components as c on p.birth_listing_id = c.listing_id
        join assigned as a on c.component = a.component
        where p.paper_id <> a.paper_id
        """
    )
    db.execute(
        """
        create or replace temp table redirected as
        select paper_id, merged_into from retired
        union all
        select r.paper_id, t.merged_into
        from living_redirects as r
        join retired as t on r.merged_into = t.paper_id
        where r.paper_id not in (select paper_id from assigned)
        """
    )


def _memberships_sql() -> str:
    return sql_file("dedupe", "memberships.sql")


def _papers_sql(writer: Writer, lacks: Lacks) -> str:
    names = ", ".join(f'p."{name}"' for name in schema_of(Paper).names if name != "last_changed_at")
    now = f"timestamptz {quoted(writer.moment.now.isoformat())}"
    silent = ", ".join(
        quoted(name) for name, gone in sorted(lacks.items()) if "is_withdrawn" in gone
    )
    made = (
        sql_file("dedupe", "papers.sql")
        .replace("{best_columns}", _best_columns())
        .replace("{own_columns}", _own_columns())
        .replace("{silent_on_withdrawal}", silent)
    )
    return f"select {names}, {now} as last_changed_at from ({made}) as p"


def _own_columns() -> str:
    """The columns of a paper that has a single listing."""
    return "\n        ".join(f"r.{name}," for name in _taken_columns())


def _taken_columns() -> list[str]:
    return [name for name in Bibliography.model_fields if name not in precedence.BY_RULE]


def _best_columns() -> str:
    lines = []
    for name in _taken_columns():
        source = precedence.FOLLOWS.get(name, name)
        order = "page_rank" if source in precedence.PAGE_COLUMNS else "work_rank"
        is_list = pa.types.is_list(schema_of(Paper).field(source).type)
        present = f"len(r.{source}) > 0" if is_list else f"r.{source} is not null"
        best = (
            f"arg_min(r.{name}, (r.{order}, not r.is_published, r.listing_id)) filter ({present})"
        )
        lines.append(f"coalesce({best}, []) as {name}," if is_list else f"{best} as {name},")
    return "\n        ".join(lines)


def _order_sql(table: Mapping[str, int], otherwise: int) -> str:
    cases = " ".join(f"when {quoted(source)} then {rank}" for source, rank in table.items())
    return f"case l.source {cases} else {otherwise} end" if cases else str(otherwise)
