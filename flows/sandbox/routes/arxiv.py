"""arXiv's OAI-PMH: verbs, sets, resumption tokens and errors as its base URL gives them.

The protocol: https://www.openarchives.org/OAI/openarchivesprotocol.html
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape, quoteattr

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flows.sandbox import markup, words
from flows.sandbox.answers import answer
from flows.sandbox.served import arxiv
from flows.sandbox.served.arxiv import Record
from flows.sandbox.universe import Universe

PREFIX = "oai:arXiv.org:"
OAI = "http://www.openarchives.org/OAI/2.0/"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
FORMAT = (
    "<metadataFormat><metadataPrefix>arXiv</metadataPrefix>"
    "<schema>http://arxiv.org/OAI/arXiv.xsd</schema>"
    "<metadataNamespace>http://arxiv.org/OAI/arXiv/</metadataNamespace></metadataFormat>"
)
ARGUMENTS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
}
"""Each verb's required and optional arguments; lists also take a resumptionToken, alone."""
SET_NAMES = {
    "cs": "Computer Science",
    "econ": "Economics",
    "eess": "Electrical Engineering and Systems Science",
    "math": "Mathematics",
    "physics": "Physics",
    "q-bio": "Quantitative Biology",
    "stat": "Statistics",
}


class OaiError(Exception):
    """An error of the protocol, answered with status 200 and its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def routes(universe: Universe, night: int) -> list[Route]:
    """The one address of the protocol: `/oai`."""

    async def oai(request: Request) -> Response:
        return _answer(universe, night, request)

    return [Route("/oai", oai, methods=["GET"])]


def _answer(universe: Universe, night: int, request: Request) -> Response:
    pairs = request.query_params.multi_items()
    arguments = dict(pairs)
    base = str(request.url.replace(query=""))
    shown = {name: "".join(filter(str.isprintable, text)) for name, text in pairs}
    try:
        if len(arguments) != len(pairs):
            raise OaiError("badArgument", "An argument is given twice.")
        content = _content(universe, night, arguments, base)
    except OaiError as error:
        if error.code in {"badVerb", "badArgument"}:
            shown = {}
        content = f"<error code={quoteattr(error.code)}>{escape(str(error))}</error>"
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in shown.items())
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="{OAI}" {XSI}'
        f' xsi:schemaLocation="{OAI} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">\n'
        f"<responseDate>{universe.now(night):%Y-%m-%dT%H:%M:%SZ}</responseDate>\n"
        f"<request{attributes}>{escape(base)}</request>\n{content}\n</OAI-PMH>\n"
    )
    return answer(request, body.encode(), "text/xml; charset=utf-8")


def _content(universe: Universe, night: int, given: Mapping[str, str], base: str) -> str:
    """What stands below the request in the answer."""
    verb = given.get("verb", "")
    if verb not in ARGUMENTS:
        raise OaiError("badVerb", f"The verb {verb!r} is not one of the protocol.")
    required, optional = ARGUMENTS[verb]
    names = given.keys() - {"verb"}
    if verb.startswith("List") and "resumptionToken" in names:
        if len(names) > 1:
            raise OaiError("badArgument", "resumptionToken stands alone.")
        if verb == "ListSets":
            raise OaiError("badResumptionToken", "The list of sets is complete.")
        return _list(universe, night, verb, *_resumed(given["resumptionToken"], verb, night))
    if unknown := sorted(names - required - optional):
        raise OaiError("badArgument", f"{verb} takes no argument {unknown[0]!r}.")
    if missing := sorted(required - names):
        raise OaiError("badArgument", f"{verb} needs the argument {missing[0]!r}.")
    if "identifier" in names:
        record = _find(universe, night, given["identifier"])
    if given.get("metadataPrefix", "arXiv") != "arXiv":
        raise OaiError("cannotDisseminateFormat", "Only the format arXiv is served here.")
    if verb == "Identify":
        return _identify(base)
    if verb == "ListSets":
        return f"<ListSets>\n{_sets()}\n</ListSets>"
    if verb == "ListMetadataFormats":
        return f"<ListMetadataFormats>\n{FORMAT}\n</ListMetadataFormats>"
    if verb == "GetRecord":
        return f"<GetRecord>\n{_record(universe, record)}\n</GetRecord>"
    return _list(universe, night, verb, {k: v for k, v in given.items() if k != "verb"}, 0)


def _find(universe: Universe, night: int, identifier: str) -> Record:
    by_id = universe.remember(
        ("arxiv by id", night),
        lambda: {PREFIX + record.arxiv_id: record for record in arxiv.records(universe, night)},
    )
    if identifier not in by_id:
        raise OaiError("idDoesNotExist", "No record has this identifier.")
    return by_id[identifier]


def _identify(base: str) -> str:
    return (
        f"<Identify>\n<repositoryName>arXiv of the sandbox</repositoryName>\n"
        f"<baseURL>{escape(base)}</baseURL>\n<protocolVersion>2.0</protocolVersion>\n"
        f"<adminEmail>nobody@sandbox.invalid</adminEmail>\n"
        f"<earliestDatestamp>2005-09-16</earliestDatestamp>\n"
        f"<deletedRecord>persistent</deletedRecord>\n<granularity>YYYY-MM-DD</granularity>\n</Identify>"
    )


@lru_cache(maxsize=1)
def _sets() -> str:
    names = dict(SET_NAMES)
    for area in words.AREAS.values():
        for category in (*area["primary"], *area["cross"]):
            path = arxiv.set_of(category).split(":")
            for depth in range(2, len(path) + 1):
                names[":".join(path[:depth])] = category if depth == len(path) else path[1]
    return "\n".join(
        f"<set><setSpec>{spec}</setSpec><setName>{escape(names[spec])}</setName></set>"
        for spec in sorted(names)
    )


def _resumed(token: str, verb: str, night: int) -> tuple[dict[str, str], int]:
    """The request and the offset that a token stands for; it dies when the night moves on."""
    query = dict(parse_qsl(token))
    skip = query.pop("skip", "")
    if (
        query.pop("verb", "") != verb
        or not skip.isdecimal()
        or query.pop("night", "") != str(night)
    ):
        raise OaiError("badResumptionToken", "The token is unknown or has expired.")
    if query.get("metadataPrefix") != "arXiv" or query.keys() - {
        "metadataPrefix",
        "from",
        "until",
        "set",
    }:
        raise OaiError("badResumptionToken", "The token is damaged.")
    return query, int(skip)


def _list(universe: Universe, night: int, verb: str, asked: Mapping[str, str], skip: int) -> str:
    start, until = _day(asked.get("from")), _day(asked.get("until"))
    if start and until and start > until:
        raise OaiError("badArgument", "from lies after until.")
    group = asked.get("set")
    if group is not None and f"<setSpec>{escape(group)}</setSpec>" not in _sets():
        raise OaiError("badArgument", "There is no such set.")
    found = universe.remember(
        ("arxiv list", night, start, until, group),
        lambda: arxiv.between(universe, night, start, until, group),
        most=64,
    )
    if not found:
        raise OaiError("noRecordsMatch", "No record matches the request.")
    size = universe.oai_page_size
    page = found[skip : skip + size]
    if not page:
        raise OaiError("badResumptionToken", "The token points beyond the list.")
    write = _record if verb == "ListRecords" else _header
    shown = "\n".join(write(universe, record) for record in page)
    return f"<{verb}>\n{shown}\n{_token(universe, night, verb, asked, skip, len(found))}</{verb}>"


def _token(
    universe: Universe, night: int, verb: str, asked: Mapping[str, str], skip: int, total: int
) -> str:
    """The token of the next page: empty on the last of several pages, none on a single one."""
    skip += universe.oai_page_size
    if skip >= total:
        return "<resumptionToken/>\n" if skip > universe.oai_page_size else ""
    token = urlencode({"verb": verb, **asked, "night": str(night), "skip": str(skip)})
    expires = universe.night_date(night) + timedelta(days=1)
    return (
        f'<resumptionToken expirationDate="{expires}T00:00:00Z">{escape(token)}</resumptionToken>\n'
    )


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or len(text) != len("2026-03-03") or text != day.isoformat():
        raise OaiError("badArgument", "Dates are written YYYY-MM-DD.")
    return day


def _header(_universe: Universe, record: Record) -> str:
    status = ' status="deleted"' if record.is_deleted else ""
    sets = "".join(f" <setSpec>{name}</setSpec>\n" for name in record.sets)
    return (
        f"<header{status}>\n <identifier>{PREFIX}{record.arxiv_id}</identifier>\n"
        f" <datestamp>{record.datestamp}</datestamp>\n{sets}</header>"
    )


def _record(universe: Universe, record: Record) -> str:
    kept: dict[tuple[str, date], str] = universe.remember("arxiv xml", dict)
    key = record.arxiv_id, record.datestamp
    found = kept.get(key)
    if found is None:
        if len(kept) >= 50_000:
            kept.clear()
        metadata = "" if record.is_deleted else f"\n<metadata>\n{_metadata(record)}\n</metadata>"
        found = f"<record>\n{_header(universe, record)}{metadata}\n</record>"
        kept[key] = found
    return found


def _metadata(record: Record) -> str:
    work = record.work
    quirks = work.quirks if work else frozenset[str]()
    accents = markup.latex if "latex" in quirks else str
    created = f"{work.submitted_at:%Y-%m-%d}" if work else str(record.datestamp - timedelta(days=1))
    doi = record.doi.upper() if record.doi and "shouted" in quirks else record.doi
    fields: list[tuple[str, str | None]] = [
        ("id", None if record.damage == "no_id" else record.arxiv_id),
        ("created", "the day before" if record.damage == "bad_date" else created),
        ("updated", str(record.updated) if record.updated else None),
    ]
    before = "".join(_element(name, value) for name, value in fields)
    fields = [
        ("title", markup.wrapped_title(accents(record.title))),
        ("categories", " ".join(work.categories) if work else "cs.LG"),
        ("comments", markup.wrapped_title(record.comments) if record.comments else None),
        ("report-no", work.report_no if work else None),
        ("msc-class", work.msc_class if work else None),
        ("journal-ref", record.journal_ref),
        ("doi", doi),
        ("license", work.license if work else None),
        ("abstract", markup.wrapped_abstract([accents(p) for p in record.paragraphs]) + "\n"),
    ]
    after = "".join(_element(name, value) for name, value in fields)
    return (
        f'<arXiv xmlns="http://arxiv.org/OAI/arXiv/" {XSI} xsi:schemaLocation='
        f'"http://arxiv.org/OAI/arXiv/ http://arxiv.org/OAI/arXiv.xsd">\n {before}'
        f"<authors>{_authors(record)}</authors>{after}</arXiv>"
    )


def _authors(record: Record) -> str:
    if record.work is None:
        return "<author><keyname>Nobody</keyname></author>"
    quirks = record.work.quirks
    accents = markup.latex if "latex" in quirks else str
    names: list[Sequence[tuple[str, str]]] = []
    for person in record.work.authors:
        family, given = person.family, person.given
        if not given and "split" in quirks:
            given, _, family = family.rpartition(" ")
            names.append((("keyname", family), ("forenames", given)))
            names.append((("keyname", ":"),))
            continue
        names.append(
            (("keyname", accents(family)), ("forenames", accents(given)), ("suffix", person.suffix))
        )
    return "".join(
        f"<author>{''.join(_element(tag, text or None) for tag, text in parts)}</author>"
        for parts in names
    )


def _element(name: str, value: str | None) -> str:
    return "" if value is None else f"<{name}>{escape(value)}</{name}>"
