"""The counts that tell of wrong merges, on tables small enough to count by hand."""

from typing import Any

import duckdb

from warehouse.manifest import sql_file

PAPERS = """
create temp view papers_now as
select
    paper_id, listings_count, sources,
    [{'scheme': split_part(item, ':', 1), 'value': split_part(item, ':', 2)} for item in named]
        as identifiers,
from (values
    ('two of one', 2, ['arxiv', 'crossref'], ['doi:10.1/a', 'doi:10.1/b', 'arxiv:1']),
    ('three, two of one', 3, ['crossref'], ['doi:10.2/a', 'doi:10.1/c', 'doi:10.1/d']),
    ('one of each', 2, ['arxiv', 'crossref'], ['doi:10.1/e', 'doi:10.2/e']),
    ('one twice', 2, ['arxiv', 'crossref'], ['doi:10.1/f', 'doi:10.1/f']),
    ('alone', 1, ['crossref'], ['doi:10.1/g', 'doi:10.1/h']),
    ('no doi', 5, ['arxiv', 'crossref'], ['arxiv:2/a', 'arxiv:2/b'])
) as given (paper_id, listings_count, sources, named)
"""
MEMBERS = """
create temp view memberships_now as
select * from (values
    ('arxiv:1', 'two of one'), ('crossref:1', 'two of one'),
    ('crossref:2', 'three, two of one'), ('crossref:3', 'three, two of one'),
    ('crossref:4', 'three, two of one'),
    ('arxiv:5', 'no doi'), ('arxiv:6', 'no doi'), ('arxiv:7', 'no doi'),
    ('crossref:5', 'no doi'), ('crossref:6', 'no doi'),
    ('crossref:7', 'alone')
) as given (listing_id, paper_id)
"""
MATCHES = """
create temp view matches_now as
select * from (values
    ('arxiv:1', 'crossref:7', 'undecided'),
    ('arxiv:5', 'crossref:7', 'undecided'),
    ('arxiv:1', 'crossref:1', 'undecided'),
    ('arxiv:6', 'crossref:7', 'same'),
    ('arxiv:7', 'crossref:7', 'related'),
    ('crossref:5', 'crossref:7', 'undecided')
) as given (left_id, right_id, relation)
"""
DECISIONS = """
create temp view decisions_now as
select 'arxiv:5' as left_id, 'crossref:7' as right_id, 'apart' as verdict
"""


def counted(*, are_empty: bool = False) -> dict[str, Any]:
    """The counts of these tables, or of ones without rows; arXiv lists a paper only once."""
    with duckdb.connect() as connection:
        for view in (PAPERS, MEMBERS, MATCHES, DECISIONS):
            connection.execute(view + (" limit 0" if are_empty else ""))
        cursor = connection.execute(
            sql_file("dedupe", "watched.sql").format(lists_once="['arxiv']::varchar[]")
        )
        names = [column[0] for column in cursor.description or ()]
        (row,) = cursor.fetchall()
    return dict(zip(names, row, strict=True))


def test_each_count_counts_what_it_says() -> None:
    """Undecided pairs of two papers that nobody decided; DOIs of one registrant; listings of one source."""
    assert counted() == {
        "n_undecided": 2,
        "n_largest_paper": 5,
        "n_papers_of_two_dois": 2,
        "n_papers_listed_twice": 1,
    }


def test_an_empty_lake_has_none() -> None:
    """Without a paper every count is 0."""
    assert set(counted(are_empty=True).values()) == {0}
