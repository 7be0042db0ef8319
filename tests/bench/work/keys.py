"""Keys of made-up records, made beforehand, and the grouping of records whose keys are at hand."""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import record_batch
from schemas.matching import ModelEntry
from warehouse.dedupe import learning, modelstore
from warehouse.dedupe.alone import RECORDS, label, make_keys, read_records
from warehouse.dedupe.keys import Record
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import KEYS_SCHEMA

_PROCESSES = 2
_ROWS = 10_000
_COPY = 0x5A17C3B9D5
"""What is mixed into the blocks of a copy, times its number, so that no two copies share one."""


def make(records: str, to: str, copies: int) -> dict[str, Any]:
    """Write the keys of a file of records, that many times over, copies alike to none of the others."""
    path = Path(to)
    count = pq.ParquetFile(records).metadata.num_rows
    model = learning.count(_read(records), 1)
    pq.write_table(
        pa.Table.from_batches([record_batch(list(modelstore.rows(model)), ModelEntry)]),
        _model_path(path),
    )
    bounds = np.linspace(0, count, _PROCESSES + 1).astype(int).tolist()
    parts = [path.with_suffix(f".{part}") for part in range(_PROCESSES)]
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(_make_part, records, str(part), first, last)
            for part, (first, last) in zip(parts, pairwise(bounds), strict=True)
        ]
        for job in jobs:
            job.result()
    # Written anew in a few large pieces, of which rows can be taken without copying them.
    with pa.OSFile(to, "wb") as out, pa.ipc.new_file(out, KEYS_SCHEMA) as writer:
        for copy in range(copies):
            for part in parts:
                writer.write_table(_copied(_keys(part), copy))
    for part in parts:
        part.unlink()
    return {"keys": count * copies}


def group(keys: str, to: str) -> dict[str, Any]:
    """Group records whose keys are in a file, and write which papers and editions came of it."""
    path = Path(keys)
    model = _model(path)
    started = time.perf_counter()
    found = label(_keys(path), model)
    seconds = time.perf_counter() - started
    pq.write_table(pa.table({"paper": found.papers, "edition": found.editions}), to)
    return {"seconds": seconds, "pairs": len(found.compared.left)}


def _model_path(keys: Path) -> Path:
    return keys.with_suffix(".model.parquet")


def _model(keys: Path) -> Model:
    facts = pq.read_table(_model_path(keys)).select(modelstore.FACT.split(", "))
    return modelstore.of_facts(zip(*(column.to_pylist() for column in facts.columns), strict=True))


def _keys(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _copied(keys: pa.Table, copy: int) -> pa.Table:
    keys = keys.combine_chunks()
    place = KEYS_SCHEMA.get_field_index("blocks")
    blocks: Any = keys["blocks"].chunk(0)
    values = blocks.flatten().to_numpy() ^ np.int64(copy * _COPY)
    mixed = pa.ListArray.from_arrays(blocks.offsets, pa.array(values), type=blocks.type)
    return keys.set_column(place, KEYS_SCHEMA.field("blocks"), mixed)


def _make_part(records: str, to: str, first: int, last: int) -> None:
    model = _model(Path(to))
    place = 0
    with pa.OSFile(to, "wb") as out, pa.ipc.new_file(out, KEYS_SCHEMA) as writer:
        for batch in _batches(records):
            begin, end = max(first, place), min(last, place + len(batch))
            if begin < end:
                chosen = batch.slice(begin - place, end - begin)
                writer.write_table(make_keys(chosen, model, lambda _share: None))
            place += len(batch)


def _batches(records: str) -> Iterator[pa.Table]:
    for batch in pq.ParquetFile(records).iter_batches(_ROWS, columns=RECORDS.names):
        yield pa.Table.from_batches([batch]).cast(RECORDS)


def _read(records: str) -> Iterator[Record]:
    for batch in _batches(records):
        yield from read_records(batch, lambda _share: None)
