"""The peer of the harvest's wall time: the bare download of the same pages."""

import gzip
import http.client
import re
from typing import Any
from urllib.parse import quote, urlsplit

_TOKEN = re.compile(rb"<resumptionToken>([^<]+)</resumptionToken>")


def pages(url: str) -> dict[str, Any]:
    """Ask for one page after the other over one connection, and keep nothing."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc)
    query, number = "verb=ListRecords&metadataPrefix=arXiv&set=cs", 0
    while True:
        connection.request("GET", f"{address.path}?{query}", headers={"Accept-Encoding": "gzip"})
        body = gzip.decompress(connection.getresponse().read())
        number += 1
        token = _TOKEN.search(body[-1000:])
        if token is None:
            return {"responses": number}
        query = f"verb=ListRecords&resumptionToken={quote(token[1])}"
