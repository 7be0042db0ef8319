"""A lake of made-up records: its papers made at once, and after a night that brings some more.

    python -m tests.bench.work.dedupe_lake [--records 300000] [--copies 10] [--night 30000]

Tells seconds, CPU seconds and the peak of memory of the grouping, keys included: of all records at
once, and of a night's records against `copies` times as many.
"""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from schemas.arrow import schema_of
from schemas.datasets import LISTINGS, MATCH_KEYS, MATCHES, MEMBERSHIPS, PAPERS
from schemas.paper import Listing
from tests.bench.synthetic_records import write
from warehouse.dedupe import papers
from warehouse.hashing import row_hash_sql
from warehouse.lake import Writer
from warehouse.manifest import Manifest, from_json, quoted, sql_type, to_json
from warehouse.merging import Moment

_NOW = datetime(2026, 3, 3, 6, 30, tzinfo=UTC)


def make(records: str, lake: str, first: int, last: int) -> dict[str, Any]:
    """Records `first` to `last` as one snapshot of a lake; later ones replace what they name.

    Returns:
        Seconds and CPU seconds of its papers, and the peak of memory in MB.
    """
    root = Path(lake)
    root.mkdir(parents=True, exist_ok=True)
    noted = root / "manifest.json"
    parent = from_json(noted.read_bytes()) if noted.exists() else None
    number = 1 + (parent.snapshot if parent else 0)
    moment = Moment("nightly", date(2026, 3, number), _NOW + timedelta(days=number))
    writer = Writer(root, parent, number, moment, root / "scratch")
    writer.upsert(LISTINGS, _listings(records, first, last))
    before = _clock()
    papers.regroup(writer, {})
    after = _clock()
    manifest = Manifest(
        snapshot=number, parent=number - 1 or None, created_at=_NOW, run_id="bench", kind="nightly",
        night_date=_NOW.date(), content_hash="", tables=writer.tables,
    )  # fmt: skip
    noted.write_bytes(to_json(manifest))
    writer.close()
    return {
        "seconds": after[0] - before[0],
        "cpu": after[1] - before[1],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "papers": writer.tables["papers"].rows,
    }


def _clock() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _listings(records: str, first: int, last: int) -> str:
    given: dict[str, str] = {
        "listing_id": "source || ':' || record_id",
        "source": "source",
        "source_id": "record_id",
        "title": "title",
        "raw_title": "title",
        "authors": "coalesce([{'name': name} for name in authors], [])",
        "publication_date": "make_date(year, 1, 1)",
        "type": "type",
        "venue": "venue",
        "doi": "doi",
        "identifiers": "case when doi is null then [] else [{'scheme': 'doi', 'value': doi}] end",
        "journal_ref": "venue || ' ' || volume || '(' || issue || '), ' || pages || ' (' || year || ')'",
        "record_format": "'made'",
        "source_modified_at": "timestamptz '2026-01-01'",
        "fetched_at": "timestamptz '2026-01-01'",
        "parser_version": "1",
        "is_withdrawn": "false",
    }
    columns = ", ".join(
        f"({given.get(field.name, '[]' if 'list' in str(field.type) else 'null')})"
        f'::{sql_type(field.type)} as "{field.name}"'
        for field in schema_of(Listing)
    )
    return (
        f"select {columns} from (select *, row_number() over () - 1 as place "
        f"from read_parquet({quoted(records)})) where place >= {first} and place < {last}"
    )


def multiply(lake: str, copies: int) -> dict[str, Any]:
    """Make a lake `copies` times as large: the same listings again, under other ids, alike to none.

    Only what decides about papers is copied, and what no night of the benchmark reads is left out.
    """
    root = Path(lake)
    noted = root / "manifest.json"
    parent = from_json(noted.read_bytes())
    number = parent.snapshot + 1
    moment = Moment("nightly", date(2026, 3, number), _NOW + timedelta(days=number))
    writer = Writer(root, parent, number, moment, root / "scratch")
    for dataset in (LISTINGS, MATCH_KEYS, MATCHES, MEMBERSHIPS, PAPERS):
        replaced = [
            f'"{name}" || \'~\' || copy as "{name}"'
            for name in schema_of(dataset.model).names
            if name.endswith(("listing_id", "_id")) and name not in ("source_id", "arxiv_id")
        ]
        replaced += [
            f"list_transform({name}, lambda key: xor(key, copy << {shift})) as {name}"
            for name, shift in (("blocks", 20), ("link_keys", 20))
            if name in schema_of(dataset.model).names
        ]
        replaced.append(f"{row_hash_sql(dataset.model, 'r')} as row_hash")
        living = writer.living(dataset)
        writer.write(
            dataset,
            f"select * exclude (copy) replace ({', '.join(replaced)}) from ({living}) as r "
            f"cross join (select unnest(range(1, {copies}))::bigint as copy)",
            None,
        )
    noted.write_bytes(
        to_json(replace(parent, snapshot=number, parent=number - 1, tables=writer.tables))
    )
    rows = writer.tables["match_keys"].rows
    writer.close()
    return {"match_keys": rows}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.work.dedupe_lake")
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--night", type=int, default=30_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="paperlake-bench-") as folder:
        records, lake = str(Path(folder) / "records.parquet"), str(Path(folder) / "lake")
        write(Path(records), given.records + given.night, 1)
        # A process each: the peak of memory is that of one step.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
            print("at once", pool.submit(make, records, lake, 0, given.records).result())
            print("copied", pool.submit(multiply, lake, given.copies).result())
            last = given.records + given.night
            print("a night", pool.submit(make, records, lake, given.records, last).result())


if __name__ == "__main__":
    main()
