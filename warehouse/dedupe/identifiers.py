"""Identifiers that join listings: numbers for them, so that sharing one is found without reading text."""

from collections.abc import Collection

import duckdb
import pyarrow as pa

from warehouse.manifest import quoted, sql_file

# Schemes that name one work; others (an ISSN, a grant) must never join papers.
LINKING_SCHEMES = ("arxiv", "doi", "openalex", "pmid", "semanticscholar")
# Relations between two forms of one work; others (a review, an erratum) must never join papers.
JOINING_RELATIONS = ("has-preprint", "is-preprint-of")


def links_sql(
    db: duckdb.DuckDBPyConnection, listings: str, shared_dois: Collection[str] = ()
) -> str:
    """SQL for the numbers by which listings may be joined; makes the variables and table it needs.

    Args:
        db: where it will be asked.
        listings: a table or view of listings, or a select in brackets.
        shared_dois: those that join nothing, because many works bear them.

    Returns:
        A select of listing_id and link_key, one row a listing and identifier.
    """
    schemes = ", ".join(quoted(scheme) for scheme in LINKING_SCHEMES)
    relations = ", ".join(quoted(relation) for relation in JOINING_RELATIONS)
    db.execute(f"set variable linking_schemes = [{schemes}]")
    db.execute(f"set variable joining_relations = [{relations}]")
    db.execute(f"set variable link_kinds = [{schemes}, {relations}]")
    db.execute("create or replace temp table void_identifiers (identifier varchar)")
    db.register("given_dois", pa.table({"doi": pa.array(sorted(shared_dois), pa.string())}))
    db.execute("insert into void_identifiers select 'doi:' || doi from given_dois")
    db.unregister("given_dois")
    return sql_file("dedupe", "fresh_links.sql").format(listings=listings)
