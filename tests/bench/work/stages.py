"""Ours: the reading of a snapshot in one process, each stage by a clock of its own."""

import time
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

from flows.source import Seen, load_sources
from flows.validate import validate
from warehouse.responses import Pack
from warehouse.staging import Stage


def read(lines: str, lake: str) -> dict[str, float]:
    """CPU seconds of each stage from lines to staged Parquet, and nothing after it."""
    source = load_sources()["arxiv"]
    formats = {item.name: item for item in source.formats}
    night = date(2026, 11, 23)
    pack = Pack(Path(lake), source.name, night)
    stage = Stage(Path(lake) / "stage", source.name, "file", 0)
    seconds: dict[str, float] = defaultdict(float)
    clock = time.process_time
    known: set[str] = set()
    last = clock()
    for body, context in source.read_file(Path(lines), {}):
        start = clock()
        seconds["open"] += start - last
        response = pack.keep(
            "bench", url=f"file:{context['line']}", status=200, headers={}, body=body,
            fetched_at=datetime.now(UTC), context=context,
        )  # fmt: skip
        kept = clock()
        raws = source.parse(response.body)
        parsed = clock()
        sound, problems, _ = validate(raws, formats, known)
        validated = clock()
        assert not problems
        listings = [
            source.listing(
                record, Seen(response, raw.format, raw.position, night, source.parser_version)
            )[0]
            for raw, record in sound
        ]
        normalized = clock()
        stage.add(listings, [], [])
        last = clock()
        seconds["keep"] += kept - start
        seconds["parse"] += parsed - kept
        seconds["validate"] += validated - parsed
        seconds["normalize"] += normalized - validated
        seconds["stage"] += last - normalized
    stage.close()
    seconds["stage"] += clock() - last
    pack.close()
    return dict(seconds)
