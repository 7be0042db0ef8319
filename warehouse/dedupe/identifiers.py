"""Identifiers that join listings: numbers for them, so that sharing one is found without reading text."""

import duckdb

from warehouse.manifest import quoted, sql_file

# Schemes that name one work; others (an ISSN, a grant) must never join papers.
LINKING_SCHEMES = ("arxiv", "doi", "openalex", "pmid", "semanticscholar")
# Relations between two forms of one work; others (a review, an erratum) must never join papers.
JOINING_RELATIONS = ("has-preprint", "is-preprint-of")


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
