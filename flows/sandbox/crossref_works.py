"""A work as Crossref writes it: one JSON object, with all that publishers do to it, or damaged."""

import hashlib
from datetime import date
from html import escape
from typing import Any

from flows.sandbox import markup
from flows.sandbox.served.crossref import Item

MEMBER, PREFIX = "320", "10.5555"
TYPES = {"article": "journal-article", "preprint": "posted-content"}


def work_object(item: Item) -> dict[str, Any]:
    """One record in full, as the API writes it."""
    found = {
        "indexed": _time(item.indexed, item.doi),
        "publisher": "Association for Sandboxes",
        "reference-count": 0,
        "references-count": 0,
        "content-domain": {"domain": [], "crossmark-restriction": False},
        "DOI": item.doi,
        "URL": f"https://doi.org/{item.doi}",
        "type": type_of(item),
        "source": "Crossref",
        "prefix": PREFIX,
        "member": MEMBER,
        "is-referenced-by-count": item.cited_by_count,
        "score": 0.0,
    }
    if item.plan is None:
        return found | _damage(item)
    found |= _words(item) | _dates(item) | _links(item)
    if item.kind != "preprint":
        found |= {
            "container-title": [item.plan.form.venue],
            "short-container-title": [item.plan.form.venue_short],
            "volume": str(item.plan.form.volume),
            "page": item.plan.form.pages,
            "ISSN": ["2999-0001"],
            "issn-type": [{"value": "2999-0001", "type": "electronic"}],
        }
        return found
    return found | {
        "subtype": "preprint",
        "institution": [{"name": "Preprints of the Sandbox"}],
        "posted": _date(item.plan.deposited),
    }


def _words(item: Item) -> dict[str, Any]:
    """Title, abstract and authors, as publishers deposit them."""
    plan = item.plan
    assert plan is not None, "only damaged records have no plan"
    title = item.title
    if item.kind == "form" and plan.form.title == markup.latex(plan.work.title):
        title = plan.form.title
    found: dict[str, Any] = {"title": [_marked(title, plan.quirks)]}
    head, colon, rest = title.partition(": ")
    if "subtitled" in plan.quirks and colon and item.kind == "form":
        found = {"title": [_marked(head, plan.quirks)], "subtitle": [escape(rest, quote=False)]}
    if item.has_abstract:
        paragraphs = "".join(
            f"\n          <jats:p>{_wrapped(escape(text, quote=False))}</jats:p>"
            for text in plan.work.paragraphs
        )
        found["abstract"] = f"<jats:title>Abstract</jats:title>{paragraphs}"
    if item.kind == "notice":
        return found
    found["author"] = [
        {
            **(
                {
                    "given": person.given,
                    "family": person.family,
                    **({"suffix": person.suffix} if person.suffix else {}),
                }
                if person.given
                else {"name": person.family}
            ),
            "sequence": "additional" if place else "first",
            "affiliation": [],
        }
        for place, person in enumerate(plan.work.authors)
    ]
    return found


def _marked(title: str, quirks: frozenset[str]) -> str:
    text = escape(title, quote=False)
    if "italic" in quirks and "$" not in text:
        first, blank, rest = text.partition(" ")
        text = f"<i>{first}</i>{blank}{rest}"
    return text.replace(" ", "\n                    ", 1) if "wrapped" in quirks else text


def _wrapped(text: str) -> str:
    return "\n            ".join(markup.lines(text, 90))


def _dates(item: Item) -> dict[str, Any]:
    """Days of publication; a form whose year is missed has none of them."""
    plan = item.plan
    assert plan is not None, "only damaged records have no plan"
    found: dict[str, Any] = {
        "created": _time(plan.deposited, item.doi),
        "deposited": _time(item.deposited or plan.deposited, item.doi),
    }
    day = item.published
    if day is None:
        return found | {"issued": {"date-parts": [[None]]}}
    parts = [day.year, day.month] if "month" in plan.quirks and item.kind == "form" else None
    told = {"date-parts": [parts]} if parts else _date(day)
    if item.kind == "form":
        found["published-print" if parts else "published-online"] = told
    return found | {"issued": told, "published": told}


def _links(item: Item) -> dict[str, Any]:
    """Licences, full text, relations and notices."""
    plan = item.plan
    assert plan is not None, "only damaged records have no plan"
    start = _time(plan.deposited, item.doi)
    found: dict[str, Any] = {
        "license": [
            {
                "URL": "https://publisher.example.org/tdm",
                "start": start,
                "delay-in-days": 0,
                "content-version": "tdm",
            },
            {
                "URL": "https://creativecommons.org/licenses/by/4.0/",
                "start": start,
                "delay-in-days": 365 if "embargoed" in plan.quirks else 0,
                "content-version": "vor",
            },
        ],
        "resource": {"primary": {"URL": f"https://publisher.example.org/{item.doi}"}},
    }
    relation: dict[str, list[dict[str, str]]] = {}
    for kind, scheme, value in item.relations:
        doi = f"10.48550/arXiv.{value}" if scheme == "arxiv" else value
        notice = {"DOI": doi, "updated": start, "source": "publisher"}
        if kind in ("retracts", "corrects"):
            name = {"retracts": "retraction", "corrects": "erratum"}[kind]
            found["update-to"] = [{**notice, "type": name, "label": name.capitalize()}]
        elif kind == "retracted-by":
            found["updated-by"] = [{**notice, "type": "retraction", "label": "Retraction"}]
        else:
            entry = {"id-type": "doi", "id": doi, "asserted-by": "subject"}
            relation.setdefault(kind, []).append(entry)
    return found | ({"relation": relation} if relation else {})


def _damage(item: Item) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": ["A Work That Cannot Be Read"],
        "issued": _date(item.indexed),
        "deposited": _time(item.indexed, item.doi),
    }
    if item.damage == "no_doi":
        return found | {"DOI": None}
    if item.damage == "path_doi":
        return found | {"DOI": "../../etc/passwd"}
    if item.damage == "title_text":
        return found | {"title": "A Work That Cannot Be Read"}
    if item.damage == "date_text":
        return found | {"issued": {"date-parts": [["2026", "March"]]}}
    if item.damage == "cited_text":
        return found | {"is-referenced-by-count": "many"}
    return found | {"title": ["Long " * 200_000]}


def _date(day: date) -> dict[str, Any]:
    return {"date-parts": [[day.year, day.month, day.day]]}


def _time(day: date, key: str) -> dict[str, Any]:
    """A time before the hour at which a night looks, the same for the same work and day."""
    minute = int(hashlib.sha256(f"{key}{day}".encode()).hexdigest()[:8], 16) % 360
    clock = f"{minute // 60:02d}:{minute % 60:02d}:00"
    return _date(day) | {"date-time": f"{day}T{clock}Z"}


def type_of(item: Item) -> str:
    """Crossref's word for what it is."""
    if item.plan is None:
        return "journal-article"
    kind = "preprint" if item.kind == "preprint" else item.plan.form.type
    return TYPES.get(kind, kind)
