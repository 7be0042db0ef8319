"""Wall time of a harvest where each response takes half a second, against the bare download."""

from collections.abc import Iterator

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.cases.oai import RECORDS, RESPONSES, made_pages
from tests.bench.serving import oai_server

SECONDS = 0.5


def measure(bench: Bench) -> Iterator[Figure]:
    """One after the other: both mostly wait."""
    count = bench.sized(RESPONSES, least=2)
    seconds = SECONDS * min(1.0, bench.scale * 10)
    with oai_server(made_pages(bench, count), seconds) as url:
        theirs = measuring.run("download:pages", url=url)
        mine = measuring.run("harvesting:night", url=url, lake=bench.fresh("lake"))
    assert mine.value["responses"] == theirs.value["responses"] == count
    yield Figure(
        f"wall time of a harvest of {count} responses of {RECORDS:,} records with {seconds:g} s "
        "latency a response, against the bare download of the same",
        f"{mine.wall:.1f} s",
        f"http.client: {theirs.wall:.1f} s",
        mine.wall / theirs.wall,
        bar=1.1,
    )
