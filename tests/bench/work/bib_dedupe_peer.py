"""bib-dedupe as its documentation shows it: prepare, block, match, and take what is connected.

It runs with 0.6, whose figures are often cited and which needs an older numpy than ours and so an
interpreter of its own, and with later versions beside our dependencies.
"""

import importlib.metadata
import time

import pandas as pd
from bib_dedupe.bib_dedupe import block, match, prep
from bib_dedupe.cluster import get_connected_components

_COLUMNS = {
    "record_id": "ID",
    "title": "title",
    "author": "author",
    "year": "year",
    "venue": "journal",
    "volume": "volume",
    "issue": "number",
    "pages": "pages",
    "doi": "doi",
    "abstract": "abstract",
}


def group(records: str, to: str, is_two_tables: bool, one_per_source: bool) -> dict[str, object]:
    """Write the label that bib-dedupe gives each record; returns its version and its seconds.

    It compares records of one table too; what it calls search sets holds each paper once.
    """
    started = time.perf_counter()
    frame = pd.read_parquet(records)
    frame["author"] = [" and ".join(names) if names is not None else "" for names in frame.authors]
    frame["year"] = frame["year"].astype("Int64").astype("string")
    sets = frame["source"] if one_per_source else ""
    frame = frame[list(_COLUMNS)].rename(columns=_COLUMNS).astype("object")
    frame = frame.where(frame.notna(), "").assign(ENTRYTYPE="article", search_set=sets)
    groups = get_connected_components(match(block(prep(frame))))
    labels = [(record, number) for number, ids in enumerate(groups) for record in ids]
    pd.DataFrame(labels, columns=["record_id", "label"]).astype(
        {"record_id": "string", "label": "int64"}
    ).to_parquet(to)
    version = importlib.metadata.version("bib-dedupe")
    return {"version": f"bib-dedupe {version}", "seconds": time.perf_counter() - started}
