"""The peer of the import: DuckDB, given a script of its own."""

from pathlib import Path
from typing import Any

import duckdb


def run(script: str, scratch: str) -> dict[str, Any]:
    """Run a script that somebody else wrote out, with DuckDB's own defaults."""
    connection = duckdb.connect(config={"temp_directory": scratch})
    connection.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
    connection.execute(Path(script).read_text(encoding="utf-8"))
    return {"version": duckdb.__version__}
