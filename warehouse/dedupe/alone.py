"""Deduplication of any table of bibliographic records, outside a lake.

The same steps as in a lake, all at once: the model is made of these records and used for nothing else.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.normalize.ids import arxiv_id, doi
from schemas.normalize.text import PLAIN_LINE, readable
from warehouse.dedupe import learning
from warehouse.dedupe.arrays import distinct
from warehouse.dedupe.decision import RELATIONS, VERSION
from warehouse.dedupe.grouping import Compared, Guard, compare, group
from warehouse.dedupe.keys import Record, keys_of_all
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import KEYS_SCHEMA, LARGE, Numbers, keys_table, ready
from warehouse.dedupe.precedence import PREPRINT_TYPES
from warehouse.dedupe.sifting import Sieve
from warehouse.manifest import sql_file

_TEXT: pa.DataType = pa.string()
_SCORE: pa.DataType = pa.float64()
RECORDS = pa.schema(
    [
        ("record_id", _TEXT),
        ("title", _TEXT),
        ("authors", pa.list_(_TEXT)),
        ("year", pa.int32()),
        ("venue", _TEXT),
        ("volume", _TEXT),
        ("issue", _TEXT),
        ("pages", _TEXT),
        ("doi", _TEXT),
        ("arxiv_id", _TEXT),
        ("pmid", _TEXT),
        ("abstract", _TEXT),
        ("type", _TEXT),
        ("source", _TEXT),
    ]
)
"""What comes in, as printed; everything but record_id may be null."""
CLUSTERS = pa.schema(
    [
        ("record_id", _TEXT),
        ("paper_id", _TEXT),
        ("edition_id", _TEXT),
        ("relation", _TEXT),
        ("score", _SCORE),
    ]
)
"""One row a record: the paper it lists, the edition of it, `same` or `version` (another edition than
the paper's first), and the score of its strongest pair; null for a record that stands alone."""
EVIDENCE = pa.struct([("name", _TEXT), ("contribution", _SCORE), ("detail", _TEXT)])
"""One reason: its name in `weights.WEIGHTS`, what it adds to the score, and what it says."""
MATCHES = pa.schema(
    [
        ("left_id", _TEXT),
        ("right_id", _TEXT),
        ("relation", _TEXT),
        ("score", _SCORE),
        ("evidence", pa.list_(EVIDENCE)),
    ]
)
"""One row a pair that was joined, is related, or is undecided, with what each piece of evidence adds."""

MOST_IN_BLOCK = 50
"""Of a block that more records share only neighbours are compared."""
FEW_IN_BLOCK = 8
"""A block that so few records share tells twice as much: a pair must share two, or one of these."""
MOST_IN_CROWD = 3_000
"""A block that more records share is not used."""
LEARNT_FROM = 200_000
"""Pairs that are looked at for what this data cannot be trusted in."""
_UNSAID = ("misc", "unpublished", "other", "article", "gen")
"""Types that reference managers give what has none."""
_ROWS = 5_000
_MEMORY = "3GB"
"""More than this the search for pairs writes to temporary files."""
_PAIRS_AT_ONCE = 1_000_000

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Grouping:
    """What became of a table of records."""

    clusters: pa.Table
    """`CLUSTERS`, in the order of the records."""
    matches: pa.Table
    """`MATCHES`, sorted by the ids."""


class Labelled(NamedTuple):
    """What became of keys, by their numbers."""

    papers: Numbers
    """The paper of each record: the number of its first listing."""
    editions: Numbers
    """The edition of each record, the same way."""
    compared: Compared
    """The pairs that were joined, are related, or are undecided."""


def deduplicate(
    records: pa.Table, *, one_per_source: bool = False, progress: Progress | None = None
) -> Grouping:
    """Tell which records are one paper, and which of them one edition of it.

    Args:
        records: `RECORDS`; the ids are distinct. Their order means nothing.
        one_per_source: whether each source lists a paper at most once.
        progress: told what is being done and which share of it is done.
    """
    tell = progress or (lambda _step, _share: None)
    # Everything below is numbered in the order of the ids, so that the order of rows means nothing.
    order = np.argsort(np.array(records["record_id"].to_pylist(), dtype=object), kind="stable")
    records = records.take(order)
    ids: list[Any] = records["record_id"].to_pylist()
    sources = None
    if one_per_source:
        names = np.array([name or "" for name in records["source"].to_pylist()])
        sources = np.where(names == "", -1, np.unique(names, return_inverse=True)[1])
    model = learning.count(read_records(records, lambda share: tell("reading", share)), 1)
    with tempfile.TemporaryDirectory() as folder:
        batches = _keys_in_batches(records, model, lambda share: tell("normalizing", share))
        keys = _kept_in_file(batches, Path(folder) / "keys.arrow")
        labels = label(keys, model, sources=sources, progress=tell)
    return Grouping(
        _clusters(ids, labels.papers, labels.editions, labels.compared).take(np.argsort(order)),
        _matches(ids, labels.compared),
    )


def label(
    keys: pa.Table,
    model: Model,
    *,
    sources: Numbers | None = None,
    progress: Progress | None = None,
) -> Labelled:
    """Group records whose keys are at hand.

    Args:
        keys: `pairs.KEYS_SCHEMA`, numbered in their order; may stand in a file that is memory-mapped.
        model: as it is counted; what else this data shows is learnt here.
        sources: number of each record's source, if each lists a paper at most once; -1 for unknown.
        progress: told what is being done and which share of it is done.
    """
    tell = progress or (lambda _step, _share: None)
    tell("looking for pairs", 0.0)
    with tempfile.TemporaryDirectory() as spilled:
        settings: dict[str, Any] = {"temp_directory": spilled, "memory_limit": _MEMORY}
        with duckdb.connect(config=settings) as db:
            left, right = candidates(db, keys)
    tell("looking for pairs", 0.5)
    keys = ready(keys)
    kept = Sieve(keys).sifted(left, right)
    left, right = left[kept], right[kept]
    tell("looking for pairs", 1.0)
    model = learn(keys, left, right, model)
    compared = compare(keys, left, right, model, lambda share: tell("comparing", share))
    del left, right
    tell("grouping", 0.0)
    papers, editions = group(keys.num_rows, compared, Guard(keys, model, sources=sources))
    tell("grouping", 1.0)
    return Labelled(papers, editions, compared)


def read_records(records: pa.Table, tell: Callable[[float], None]) -> Iterator[Record]:
    """Records ready to be compared: text made readable, identifiers normal."""
    done = 0
    for batch in records.to_batches(max_chunksize=_ROWS):
        columns = {name: batch[name].to_pylist() for name in Record._fields}
        columns["title"], columns["venue"] = _readable(batch["title"]), _readable(batch["venue"])
        names = iter(_readable(pc.call_function("list_flatten", [batch["authors"]])))
        lengths = [len(printed or ()) for printed in columns["authors"]]
        columns["authors"] = [list(filter(None, islice(names, n))) for n in lengths]
        columns["doi"] = [doi(text) for text in columns["doi"]]
        columns["arxiv_id"] = [found and found.id for found in map(arxiv_id, columns["arxiv_id"])]
        columns["type"] = list(
            map(_form_of, columns["type"], columns["arxiv_id"], columns["venue"], columns["doi"])
        )
        columns["pmid"] = [(text and text.strip()) or None for text in columns["pmid"]]
        yield from map(Record, *columns.values())
        done += batch.num_rows
        tell(done / records.num_rows)


def _form_of(
    kind: str | None, arxiv: str | None, venue: str | None, doi_of: str | None
) -> str | None:
    """The type of a record; what names an arXiv id and no other place is a preprint, as in a lake."""
    is_elsewhere = venue or doi_of or (kind and kind.lower() not in _UNSAID)
    return kind if is_elsewhere or not arxiv else PREPRINT_TYPES[0]


def _readable(texts: Any) -> list[str | None]:
    """A column of texts made readable; only those that may change are looked at one by one."""
    found: list[str | None] = texts.to_pylist()
    is_plain = pc.match_substring_regex(texts, f"^(?:{PLAIN_LINE})$").to_pylist()
    is_dashed = pc.match_substring(texts, "--").to_pylist()
    for at, text in enumerate(found):
        if text is not None and (is_dashed[at] or not is_plain[at]):
            found[at] = readable(text)
    return found


def make_keys(records: pa.Table, model: Model, tell: Callable[[float], None]) -> pa.Table:
    """The keys of every record, in their order."""
    return pa.concat_tables(_keys_in_batches(records, model, tell))


def _keys_in_batches(
    records: pa.Table, model: Model, tell: Callable[[float], None]
) -> Iterator[pa.Table]:
    every = read_records(records, tell)
    yield keys_table([])
    while batch := list(islice(every, _ROWS)):
        yield keys_table(keys_of_all(batch, model))


def _kept_in_file(tables: Iterator[pa.Table], path: Path) -> pa.Table:
    """Keys that stand in a file, in large pieces, so that memory holds what is looked at.

    Raises:
        OSError: they cannot be written; names the file.
    """
    try:
        with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, KEYS_SCHEMA) as writer:
            while piece := list(islice(tables, 1 + LARGE // _ROWS)):
                writer.write_table(pa.concat_tables(piece).combine_chunks())
    except OSError as error:
        # Arrow does not say which file it could not write; TMPDIR says where it lies.
        said = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, f"{said} (TMPDIR says where)", str(path)) from error
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def candidates(db: duckdb.DuckDBPyConnection, keys: pa.Table) -> tuple[Numbers, Numbers]:
    """The pairs of rows of `keys` that may be worth comparing, by their places, sorted.

    They share a small block or two others, or stand close by their titles in a crowded one.
    """
    n = keys.num_rows
    numbers = pa.array(np.arange(n, dtype=np.int32))
    db.register("numbered", keys.select(["title", "blocks"]).append_column("number", numbers))
    sql = sql_file("dedupe", "candidates.sql").format(
        keys="numbered", few=FEW_IN_BLOCK, most=MOST_IN_BLOCK, crowd=MOST_IN_CROWD
    )
    # One number a pair, so that sorting them is cheap.
    pairs = [np.zeros(0, np.int64)]
    for batch in db.sql(sql).to_arrow_reader(_PAIRS_AT_ONCE):
        left, right = (column.to_numpy() for column in batch.columns)
        pairs.append(left.astype(np.int64) * n + right)
    db.unregister("numbered")
    every = distinct(np.concatenate(pairs))
    return every // max(n, 1), every % max(n, 1)


def learn(keys: pa.Table, left: Numbers, right: Numbers, model: Model) -> Model:
    """The model with what pairs of this data show: aliases of venues, fields not to be trusted."""
    anchors = learning.Anchors()
    step = 1 + len(left) // LEARNT_FROM
    compare(keys, left[::step], right[::step], model, seen=anchors.add)
    return anchors.taught(model)


def _clusters(ids: list[str], papers: Numbers, editions: Numbers, compared: Compared) -> pa.Table:
    best = np.full(len(ids), np.nan)
    together = (papers[compared.left] == papers[compared.right]) & (compared.relation >= VERSION)
    for side in (compared.left, compared.right):
        np.fmax.at(best, side[together], np.round(compared.score[together].astype(float), 3))
    names = np.array(ids, dtype=object)
    return pa.table(
        [
            pa.array(ids, pa.string()),
            pa.array(names[papers], pa.string()),
            pa.array(names[editions], pa.string()),
            pa.array(np.where(papers == editions, "same", "version"), pa.string()),
            pa.array(best, pa.float64(), from_pandas=True),
        ],
        schema=CLUSTERS,
    )


def _matches(ids: list[str], compared: Compared) -> pa.Table:
    names = np.array(ids, dtype=object)
    return pa.table(
        [
            pa.array(names[compared.left], pa.string()),
            pa.array(names[compared.right], pa.string()),
            pa.array([RELATIONS[code] for code in compared.relation.tolist()], pa.string()),
            pa.array(np.round(compared.score.astype(float), 3), pa.float64()),
            compared.evidence(MATCHES.field("evidence").type),
        ],
        schema=MATCHES,
    )
