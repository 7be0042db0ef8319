"""100 OAI responses of 1,000 records to published listings, against sickle only reading them."""

from collections.abc import Iterator
from functools import partial

from tests.bench import measuring
from tests.bench.bench import Bench, Figure, has
from tests.bench.serving import oai_server

RESPONSES, RECORDS = 100, 1_000


def measure(bench: Bench) -> Iterator[Figure]:
    """Both by turns, from one server in a process of its own; pauses are off on loopback."""
    count = bench.sized(RESPONSES, least=2)
    what = (
        f"{count} OAI responses of {RECORDS:,} records, pauses off, kept, parsed, validated, "
        "normalized, written: CPU against sickle only reading them"
    )
    with oai_server(made_pages(bench, count)) as url:
        mine = partial(_night, bench, url)
        if not has("sickle"):
            run = mine()
            yield Figure(what, f"{run.cpu:.1f} s", "not installed")
            return
        found = measuring.alternate(
            bench.repetitions, mine=mine, theirs=partial(measuring.run, "sickle_peer:read", url=url)
        )
    assert found["mine"][0].value["listings"] == found["theirs"][0].value["records"]
    own, theirs = [run.cpu for run in found["mine"]], [run.cpu for run in found["theirs"]]
    peak = max(run.peak for run in found["mine"]) / measuring.MIB
    yield Figure(
        what,
        f"{measuring.median(own):.1f} s ({peak:,.0f} MB)",
        f"sickle {found['theirs'][0].value['version']}: {measuring.median(theirs):.1f} s",
        measuring.median_ratio(own, theirs),
        bar=1.3,
        aim=1.0,
    )


def made_pages(bench: Bench, count: int) -> str:
    """The folder of so many answers, made where it is not there yet."""
    folder = bench.cache / f"oai-{count}"
    measuring.run("preparing:oai_pages", folder=str(folder), count=count * RECORDS, size=RECORDS)
    return str(folder)


def _night(bench: Bench, url: str) -> measuring.Measured:
    return measuring.run("harvesting:night", url=url, lake=bench.fresh("lake"))
