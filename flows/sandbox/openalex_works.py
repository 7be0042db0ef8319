"""A work as OpenAlex writes it: one JSON object, in full, damaged, or a placeholder."""

from typing import Any

from flows.sandbox import markup
from flows.sandbox.prose import dice
from flows.sandbox.served import openalex
from flows.sandbox.served.openalex import Entry
from flows.sandbox.universe import Universe
from flows.sandbox.works import Work

ADDRESS = "https://openalex.org/"
FIELDS = frozenset(
    {
        "id", "doi", "title", "display_name", "publication_year", "publication_date", "ids",
        "language", "primary_location", "type", "type_crossref", "indexed_in", "open_access",
        "authorships", "apc_list", "fwci", "has_fulltext", "cited_by_count", "biblio",
        "is_retracted", "is_paratext", "primary_topic", "topics", "keywords", "locations_count",
        "locations", "best_oa_location", "referenced_works", "abstract_inverted_index",
        "counts_by_year", "updated_date", "created_date",
    }
)  # fmt: skip
"""What can be selected."""


def work_object(universe: Universe, entry: Entry) -> dict[str, Any]:
    """One work in full, as the API writes it since 2025."""
    work = entry.work
    if work is None:
        return _damaged(entry)
    stream = dice(universe.origin, "openalex object", work.index)
    form = work.published if entry.is_published else None
    preprint, published = _preprint(work, entry), _published(work, entry)
    places = [place for place in (published, preprint) if place is not None]
    open_places = [place for place in places if place["is_oa"]]
    doi = (
        f"https://doi.org/{form.doi}" if form else f"https://doi.org/10.48550/arxiv.{work.arxiv_id}"
    )
    topic_id, topic, subfield_id, subfield = openalex.TOPICS[work.area]
    topics = {
        "id": f"{ADDRESS}T{topic_id}",
        "display_name": topic,
        "score": 0.9,
        "subfield": {"id": f"{ADDRESS}subfields/{subfield_id}", "display_name": subfield},
        "field": {"id": f"{ADDRESS}fields/{subfield_id // 100}", "display_name": "Sandbox"},
        "domain": {"id": f"{ADDRESS}domains/3", "display_name": "Physical Sciences"},
    }
    first, last = form.pages.split("-") if form else (None, None)
    found: dict[str, Any] = {
        "id": ADDRESS + entry.key,
        "doi": doi,
        "title": entry.title,
        "display_name": entry.title,
        "publication_year": entry.publication_date.year,
        "publication_date": entry.publication_date.isoformat(),
        "ids": {
            "openalex": ADDRESS + entry.key,
            "doi": doi,
            **({"mag": f"2{work.index:09d}"} if stream.chance(0.1) else {}),
            **(
                {"pmid": f"https://pubmed.ncbi.nlm.nih.gov/{30_000_000 + work.index}"}
                if form and stream.chance(0.1)
                else {}
            ),
        },
        "language": "en" if stream.chance(0.95) else None,
        "primary_location": places[0],
        "type": type_of(entry),
        "type_crossref": places[0]["raw_type"],
        "indexed_in": ["crossref"] if form else ["arxiv", "datacite"],
        "open_access": {
            "is_oa": bool(open_places),
            "oa_status": "green" if open_places else "closed",
            "oa_url": open_places[0]["landing_page_url"] if open_places else None,
            "any_repository_has_fulltext": entry.has_preprint,
        },
        "authorships": [
            _authorship(person.printed, place, len(work.authors), work)
            for place, person in enumerate(work.authors)
        ],
        "apc_list": None,
        "fwci": None,
        "has_fulltext": False,
        "cited_by_count": entry.cited_by_count,
        "biblio": {
            "volume": str(form.volume) if form else None,
            "issue": None,
            "first_page": first,
            "last_page": last,
        },
        "is_retracted": entry.is_retracted,
        "is_paratext": False,
        "primary_topic": topics,
        "topics": [topics],
        "keywords": [
            {
                "id": f"{ADDRESS}keywords/{word.lower().replace(' ', '-')}",
                "display_name": word,
                "score": 0.5,
            }
            for word in (work.post.ai_keywords if work.post else ())
        ],
        "locations_count": len(places),
        "locations": places,
        "best_oa_location": open_places[0] if open_places else None,
        "referenced_works": [],
        "abstract_inverted_index": _inverted(openalex.abstract_words(work))
        if entry.has_abstract
        else None,
        "counts_by_year": [{"year": 2026, "cited_by_count": entry.cited_by_count}],
        "updated_date": entry.updated_at.isoformat(),
        "created_date": entry.created_date.isoformat(),
    }
    if work.index % 97 == 0:
        found["novelty_score"] = 0.25  # a field that nobody announced
    return found


def type_of(entry: Entry) -> str:
    """OpenAlex's word for what it is."""
    return "article" if entry.is_published else "preprint"


def _preprint(work: Work, entry: Entry) -> dict[str, Any] | None:
    if not entry.has_preprint:
        return None
    address = f"arxiv.org/abs/{work.arxiv_id}"
    return {
        "id": f"pmh:oai:arXiv.org:{work.arxiv_id}",
        "is_oa": True,
        "landing_page_url": ("http://" if work.index % 2 else "https://") + address,
        "pdf_url": f"https://arxiv.org/pdf/{work.arxiv_id}",
        "source": {
            "id": f"{ADDRESS}S4306400194",
            "display_name": "arXiv of the sandbox",
            "issn_l": None,
            "is_oa": True,
            "type": "repository",
        },
        "license": "cc-by",
        "license_id": f"{ADDRESS}licenses/cc-by",
        "version": "submittedVersion",
        "is_accepted": False,
        "is_published": False,
        "raw_source_name": None,
        "raw_type": "text",
    }


def _published(work: Work, entry: Entry) -> dict[str, Any] | None:
    form = work.published
    if form is None or not entry.is_published:
        return None
    kind = "journal-article" if form.type == "article" else form.type
    return {
        "id": f"doi:{form.doi}",
        "is_oa": form.volume % 3 == 0,
        "landing_page_url": f"https://doi.org/{form.doi}",
        "pdf_url": None,
        "source": {
            "id": f"{ADDRESS}S{sum(form.venue.encode())}",
            "display_name": form.venue,
            "issn_l": None,
            "is_oa": False,
            "type": "journal" if form.type == "article" else "conference",
        },
        "license": None,
        "license_id": None,
        "version": "publishedVersion",
        "is_accepted": True,
        "is_published": True,
        "raw_source_name": form.venue,
        "raw_type": kind,
    }


def _authorship(printed: str, place: int, n_authors: int, work: Work) -> dict[str, Any]:
    lab = work.post.lab if work.post else None
    position = "first" if place == 0 else "last" if place == n_authors - 1 else "middle"
    return {
        "author_position": position,
        "author": {
            "id": f"{ADDRESS}A5{sum(printed.encode()):09d}",
            "display_name": printed,
            "orcid": "https://orcid.org/0000-0002-1825-0097" if work.index % 50 == place else None,
        },
        "institutions": [],
        "countries": [],
        "is_corresponding": place == 0,
        "raw_author_name": markup.folded(printed),
        "raw_affiliation_strings": [lab[1]] if lab else [],
        "affiliations": [],
    }


def _inverted(words: list[str]) -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        index.setdefault(word, []).append(place)
    return index


def _damaged(entry: Entry) -> dict[str, Any]:
    """An item that must not become a listing: damaged, or the placeholder of deleted works."""
    found: dict[str, Any] = {
        "id": ADDRESS + entry.key,
        "doi": None,
        "title": "Deleted Work" if entry.damage is None else "A Work That Cannot Be Trusted",
        "publication_date": entry.publication_date.isoformat(),
        "type": "article",
        "authorships": [],
        "cited_by_count": 0,
        "abstract_inverted_index": {"Damaged": [0], "on": [1], "purpose.": [10**9]},
        "updated_date": entry.updated_at.isoformat(),
        "created_date": entry.created_date.isoformat(),
    }
    found["display_name"] = found["title"]
    match entry.damage:
        case "no_id":
            del found["id"]
        case "path_id":
            found["id"] = f"{ADDRESS}../../etc"
        case "no_title":
            found["display_name"] = found["title"] = None
        case "authors_text":
            found["authorships"] = "Nobody"
        case "count_text":
            found["cited_by_count"] = "many"
        case "endless_abstract":
            found["abstract_inverted_index"] = {"Very": list(range(50_000))}
    return found
