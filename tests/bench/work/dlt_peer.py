"""The peer of the import: dlt, which reads the same lines and writes Parquet of its own."""

import os
from pathlib import Path
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
from dlt.sources.filesystem import filesystem, read_jsonl


def run(lines: str, target: str) -> dict[str, Any]:
    """Load a snapshot with dlt as its documentation shows: files, lines, a pipeline, Parquet."""
    file, folder = Path(lines).absolute(), Path(target).absolute()
    source = filesystem(bucket_url=file.parent.as_uri(), file_glob=file.name)
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        destination=dlt.destinations.filesystem(bucket_url=folder.as_uri()),
        dataset_name="arxiv",
        pipelines_dir=str(folder.parent / "dlt"),
    )
    listings = (source | read_jsonl(chunksize=1_000)).with_name("listings")
    pipeline.run(listings, write_disposition="replace", loader_file_format="parquet")
    return {"version": dlt.__version__}
