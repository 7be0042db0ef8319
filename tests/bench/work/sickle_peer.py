"""The peer of the harvest: sickle, which reads the records and does nothing with them."""

import importlib.metadata
from typing import Any

from sickle import Sickle


def read(url: str) -> dict[str, Any]:
    """Walk through all records; each is an object with its metadata as a dictionary."""
    records = Sickle(url).ListRecords(metadataPrefix="arXiv", set="cs")
    return {
        "records": sum(1 for _ in records),
        "version": importlib.metadata.version("sickle"),
    }
