"""What is made before anything is measured: files of records, and the peer's script."""

import gzip
import string
from pathlib import Path

import duckdb

from schemas.arrow import hashed_columns, schema_of
from schemas.paper import Listing
from tests.bench import records
from warehouse.hashing import row_hash_sql


def lines(path: str, count: int) -> int:
    """Write a metadata snapshot once; returns its bytes."""
    target = Path(path)
    if not target.exists():
        temporary = target.with_suffix(".part")
        records.write_lines(temporary, range(count))
        temporary.replace(target)
    return target.stat().st_size


def script(path: str, lines: str, target: str) -> None:
    """Write out the peer's script: where it reads and writes, and the row hash as stored."""
    text = Path(__file__).with_name("snapshot.sql").read_text(encoding="utf-8")
    filled = string.Template(text).substitute(
        lines=lines, target=target, row_hash=row_hash_sql(Listing, "listings")
    )
    Path(path).write_text(filled, encoding="utf-8")


def agreement(mine: str, theirs: str) -> dict[str, float]:
    """Share of rows in which the peer's file has our value, by column; and of the rows themselves."""
    own = duckdb.connect()
    own.execute("set timezone = 'UTC'")
    names = [name for name in schema_of(Listing).names if name in hashed_columns(Listing)]
    shares = ", ".join(
        f'avg((mine."{name}" is not distinct from theirs."{name}")::int) as "{name}"'
        for name in [*names, "row_hash"]
    )
    found = own.sql(
        f"select {shares}, count(theirs.listing_id) / count(*) as rows "
        f"from read_parquet('{mine}') as mine "
        f"left join read_parquet('{theirs}') as theirs on mine.listing_id = theirs.listing_id"
    )
    values = found.fetchall()[0]
    return {name: float(value) for name, value in zip(found.columns, values, strict=True)}


def oai_pages(folder: str, count: int, size: int) -> int:
    """Write answers of OAI-PMH with so many records, once; returns how many answers."""
    target = Path(folder)
    if not target.exists():
        temporary = target.with_suffix(".part")
        temporary.mkdir(exist_ok=True)
        for number, page in enumerate(records.oai_pages(range(count), size)):
            (temporary / f"{number:05}.xml.gz").write_bytes(gzip.compress(page, 6, mtime=0))
        temporary.replace(target)
    return len(list(target.glob("*.xml.gz")))


def revised_lines(path: str, count: int) -> None:
    """Write a night's change: every second record of the oldest numbers, revised."""
    records.write_lines(Path(path), range(0, 2 * count, 2), revision=1)
