"""Counts that tell of wrong merges without knowing the truth; checks compare them with those before."""

from collections.abc import Collection

from schemas.datasets import DECISIONS, MATCHES, MEMBERSHIPS, PAPERS
from warehouse.lake import Writer
from warehouse.manifest import quoted, sql_file
from warehouse.reading import select


def watched(writer: Writer, lists_once: Collection[str]) -> dict[str, int]:
    """The counts of a coming snapshot: `n_undecided` and the others that `SnapshotRow` names.

    Args:
        writer: of the coming snapshot, its papers written.
        lists_once: sources in which a paper has one listing at most.
    """
    db = writer.db
    for dataset in (PAPERS, MEMBERSHIPS, MATCHES, DECISIONS):
        db.execute(f"create or replace temp view {dataset.name}_now as {writer.living(dataset)}")
    sources = f"[{', '.join(map(quoted, sorted(lists_once)))}]::varchar[]"
    (row,) = select(db, sql_file("dedupe", "watched.sql").format(lists_once=sources))
    return row
