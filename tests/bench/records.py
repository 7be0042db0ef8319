"""Records of an arXiv that never was, of the size and shape of the real one's, any number of them.

A record is a function of its number alone, so that three million can be made in any order and a
revision of number 17 is known without making the others. Measured on 10,000 real records: 1.65 KB a
line, abstracts of 1,040 characters, 3.2 authors, 62 % with comments, 24 % with a DOI, 13 % with a
backslash in the abstract and 1 % in the title, 1.3 versions; line breaks and leading blanks as in
the full snapshot.
"""

import random
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson

from flows.sandbox import prose, words

_POOL = 4_000
_OLD_ARCHIVES = ("hep-th", "math", "astro-ph", "cond-mat", "quant-ph", "gr-qc", "hep-ph", "cs")
_MONTHS_WITH_FOUR_DIGITS = [(year, month) for year in range(2007, 2015) for month in range(1, 13)][
    3:
]
_MONTHS_WITH_FIVE_DIGITS = [(year, month) for year in range(2015, 2027) for month in range(1, 13)][
    :-2
]
# arXiv has grown: the later months come twice as often.
_SLOTS = [
    *((month, 0, 1) for month in _MONTHS_WITH_FOUR_DIGITS),
    *((month, copy, 2) for month in _MONTHS_WITH_FIVE_DIGITS for copy in (0, 1)),
]
_OLD_MONTHS = [(year, month) for year in range(1992, 2007) for month in range(1, 13)]
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_NAMES = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_LICENSES = (
    "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
    "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
    "http://creativecommons.org/licenses/by/4.0/",
    None,
)
# Printed with the accent in LaTeX, parsed as Unicode: both stand in a record.
_ACCENTED = (
    ("Erd\\H{o}s", "Erdős"),
    ('M\\"uller', "Müller"),
    ("Balaz\\'s", "Balaźs"),
    ("Nu\\~nez", "Nuñez"),
    ("S\\o{}rensen", "Sørensen"),
    ("\\v{S}afa\\v{r}\\'ik", "Šafařík"),
)
_GIVEN = tuple(filter(str.isascii, words.GIVEN))
_FAMILY = tuple(filter(str.isascii, words.FAMILY))
_REVISED_FROM = date(2026, 11, 2)


@dataclass(frozen=True, slots=True)
class _Pools:
    """What records are put together from."""

    titles: tuple[str, ...]
    tails: tuple[str, ...]
    openings: tuple[str, ...]
    closings: tuple[str, ...]


@cache
def _pools() -> _Pools:
    areas = list(words.AREAS)
    titles, openings, closings = [], [], []
    for number in range(_POOL):
        stream = prose.dice("bench", number)
        first = prose.Subject(stream, areas[number % len(areas)])
        titles.append(_plainer(stream, partial(prose.title, first), 62))
        openings.append(_plainer(stream, partial(_abstract, first)))
        other = prose.Subject(stream, areas[(number + 1) % len(areas)])
        text = _plainer(stream, partial(_abstract, other))
        if stream.chance(0.09):
            text += r" Here $\hat{\beta}_n \to \beta$ at the rate of the Erd\H{o}s--R\'enyi law."
        if stream.chance(0.012):
            text += f" Code is at https://github.com/{other.phrase('name').lower()}/code."
        closings.append(text)
    tails = [
        f"{style} {phrase}"
        for style in ("with", "by", "beyond", "without", "against", "from", "over", "for")
        for area in words.AREAS.values()
        for phrase in area["object"]
    ]
    return _Pools(tuple(titles), tuple(tails), tuple(openings), tuple(closings))


def _abstract(subject: prose.Subject) -> str:
    return " ".join(prose.abstract(subject, None))


def _plainer(stream: prose.Dice, write: Callable[[], str], most: int = 10_000) -> str:
    """The sandbox's papers hold more marks than arXiv's, on purpose: most of theirs are drawn anew."""
    kept = stream.chance(0.2)
    text = write()
    for _ in range(40):
        is_plain = text.isascii() and not any(mark in text for mark in "\\$&{<")
        if (kept or is_plain) and len(text) <= most:
            break
        text = write()
    return text


def _identity(number: int) -> tuple[str, tuple[int, int]]:
    """The arXiv id of a number and the month it belongs to; one of twenty is of the old style."""
    turn, place = divmod(number, 20)
    if place == 0:
        archive = _OLD_ARCHIVES[turn % len(_OLD_ARCHIVES)]
        turn //= len(_OLD_ARCHIVES)
        year, month = _OLD_MONTHS[turn % len(_OLD_MONTHS)]
        serial = 1 + turn // len(_OLD_MONTHS)
        return f"{archive}/{year % 100:02}{month:02}{serial:03}", (year, month)
    turn, slot = divmod(number - turn - 1, len(_SLOTS))
    (year, month), copy, copies = _SLOTS[slot]
    serial = 1 + turn * copies + copy
    digits = 5 if year >= 2015 else 4
    return f"{year % 100:02}{month:02}.{serial:0{digits}}", (year, month)


def _title(number: int, pools: _Pools) -> str:
    """Different for each number: the pools' sizes have no common divisor with the steps."""
    turn, head = divmod(number, len(pools.titles))
    return f"{pools.titles[head]} {pools.tails[turn % len(pools.tails)]}"


def _wrapped(text: str, first: str, indent: str, width: int = 79) -> str:
    return first + textwrap.fill(text, width, break_long_words=False).replace("\n", "\n" + indent)


@cache
def _wrapped_abstract(opening: int, closing: int) -> str:
    pools = _pools()
    return _wrapped(f"{pools.openings[opening]} {pools.closings[closing]}", "  ", "") + "\n"


def _mail_time(day: date, seconds: int) -> str:
    return (
        f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTH_NAMES[day.month - 1]} {day.year} "
        f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} GMT"
    )


def record(number: int, revision: int = 0) -> dict[str, Any]:
    """One record as a line of the metadata snapshot has it; a revision adds a version."""
    pools = _pools()
    dice = random.Random(number)
    draw = dice.random
    key, (year, month) = _identity(number)
    submitted = date(year, month, 1 + int(draw() * 28))
    days = [submitted]
    while draw() < 0.25 and len(days) < 5:
        days.append(min(days[-1] + timedelta(days=1 + int(draw() * 200)), _REVISED_FROM))
    days += [_REVISED_FROM + timedelta(days=n) for n in range(1, revision + 1)]
    names, parsed = [], []
    for _ in range(1 + min(int(draw() * draw() * 9), 7)):
        given = _GIVEN[int(draw() * len(_GIVEN))]
        family = printed = _FAMILY[int(draw() * len(_FAMILY))]
        if draw() < 0.04:
            printed, family = _ACCENTED[int(draw() * len(_ACCENTED))]
        names.append(f"{given} {printed}")
        parsed.append([family, given, ""])
    area = list(words.AREAS.values())[number % len(words.AREAS)]
    categories = [area["primary"][int(draw() * len(area["primary"]))]]
    while draw() < 0.45:
        categories.append(area["cross"][int(draw() * len(area["cross"]))])
    comments = None
    if draw() < 0.62 or revision:
        comments = f"{6 + int(draw() * 40)} pages, {int(draw() * 12)} figures"
        if draw() < 0.2:
            comments += f"; accepted at {words.VENUES[int(draw() * len(words.VENUES))][0]}"
        if revision:
            comments += f"; revision {revision}"
    doi = f"10.{1000 + int(draw() * 8000)}/s{number:08}" if draw() < 0.3 else None
    # Few openings meet each closing, so that wrapping is done once and not a million times.
    opening = int(draw() * _POOL)
    title = _title(number, pools)
    return {
        "id": key,
        "submitter": f"{parsed[0][1]} {parsed[0][0]}",
        "authors": _wrapped(", ".join(names), "", "  "),
        "title": _wrapped(title, "", "  ", 76) if len(title) > 76 else title,
        "comments": comments,
        "journal-ref": f"J. Sandb. Res. {1 + number % 90} ({year}) {number % 2000}"
        if doi
        else None,
        "doi": doi,
        "report-no": None,
        "categories": " ".join(dict.fromkeys(categories)),
        "license": _LICENSES[int(draw() * len(_LICENSES))],
        # Its last line is its own: no text comes twice, whatever is remembered of texts.
        "abstract": _wrapped_abstract(opening, (opening * 7 + number % 5) % _POOL)
        + f"All of it rests on {number:,} samples.\n",
        "versions": [
            {"version": f"v{place}", "created": _mail_time(day, int(draw() * 86_400))}
            for place, day in enumerate(days, 1)
        ],
        "update_date": (days[-1] + timedelta(days=1)).isoformat(),
        "authors_parsed": parsed,
    }


def write_lines(path: Path, numbers: range, revision: int = 0) -> None:
    """Write the metadata snapshot of these numbers, one JSON object a line."""
    with path.open("wb") as file:
        for number in numbers:
            file.write(orjson.dumps(record(number, revision)) + b"\n")


def oai_pages(numbers: range, size: int = 1_000) -> Iterator[bytes]:
    """The same records as answers of OAI-PMH in the format `arXiv`; tokens count the pages."""
    starts = [*range(numbers.start, numbers.stop, size)]
    for page, (start, stop) in enumerate(pairwise([*starts, numbers.stop]), 1):
        shown = "\n".join(_xml(record(number)) for number in range(start, stop))
        token = f"<resumptionToken>page|{page}</resumptionToken>" if page < len(starts) else ""
        yield (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
            "<responseDate>2026-11-23T03:00:00Z</responseDate>\n"
            '<request verb="ListRecords">http://127.0.0.1/oai</request>\n'
            f"<ListRecords>\n{shown}\n{token}</ListRecords>\n</OAI-PMH>\n"
        ).encode()


def _xml(data: dict[str, Any]) -> str:
    authors = "".join(
        f"<author><keyname>{escape(family)}</keyname><forenames>{escape(given)}</forenames></author>"
        for family, given, _ in data["authors_parsed"]
    )
    created = _day(data["versions"][0]["created"])
    updated = _day(data["versions"][-1]["created"])
    rest = "".join(
        f"<{name}>{escape(data[name])}</{name}>"
        for name in ("title", "categories", "comments", "journal-ref", "doi", "license", "abstract")
        if data[name] is not None
    )
    later = f"<updated>{updated}</updated>" if len(data["versions"]) > 1 else ""
    return (
        f"<record>\n<header>\n <identifier>oai:arXiv.org:{data['id']}</identifier>\n"
        f" <datestamp>{data['update_date']}</datestamp>\n <setSpec>cs</setSpec>\n</header>\n"
        '<metadata>\n <arXiv xmlns="http://arxiv.org/OAI/arXiv/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation='
        '"http://arxiv.org/OAI/arXiv/ http://arxiv.org/OAI/arXiv.xsd">\n '
        f"<id>{data['id']}</id><created>{created}</created>{later}"
        f"<authors>{authors}</authors>{rest}</arXiv>\n</metadata>\n</record>"
    )


def _day(printed: str) -> str:
    _, day, month, year, *_ = printed.split()
    return f"{year}-{_MONTH_NAMES.index(month) + 1:02}-{int(day):02}"
