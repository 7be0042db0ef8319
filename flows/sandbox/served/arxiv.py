"""The records that arXiv's OAI-PMH serves in a night, and what a nightly harvest knows of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flows.sandbox import days, prose
from flows.sandbox.details import retitled
from flows.sandbox.prose import Subject, dice
from flows.sandbox.universe import Universe
from flows.sandbox.works import Work

SETS_HARVESTED = ("cs", "stat", "eess")
FIRST_DAYS = 7
OVERLAP_DAYS = 1
GONE = (
    "This paper has been withdrawn by the authors",
    "This paper has been withdrawn by the author due to an error in the proof of Lemma 3",
    "This paper has been withdrawn by the authors; a corrected version is in preparation",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One OAI record as it stands after some of its work's changes."""

    arxiv_id: str
    datestamp: date
    sets: tuple[str, ...]
    work: Work | None
    """None for a damaged record that belongs to no paper."""
    title: str = ""
    paragraphs: tuple[str, ...] = ()
    version: int = 1
    updated: date | None = None
    comments: str | None = None
    doi: str | None = None
    journal_ref: str | None = None
    is_deleted: bool = False
    is_withdrawn: bool = False
    damage: str | None = None
    """no_id or bad_date."""

    @property
    def order(self) -> tuple[date, str]:
        """Where it stands in a list."""
        return self.datestamp, self.arxiv_id


def set_of(category: str) -> str:
    """The OAI set of a category: cs.CL is `cs:cs:CL`, hep-th is `physics:hep-th`."""
    archive, _, subject = category.partition(".")
    group = archive if archive in {"cs", "math", "stat", "eess", "econ", "q-bio"} else "physics"
    return ":".join(part for part in (group, archive, subject) if part)


def records(universe: Universe, night: int) -> Sequence[Record]:
    """Every record as of that night, by datestamp and identifier."""
    return universe.remember(("arxiv", night), lambda: _records(universe, night), most=64)


def _records(universe: Universe, night: int) -> Sequence[Record]:
    kept: dict[tuple[int, int], Record] = universe.remember("arxiv records", dict)
    found = damaged(universe, night)
    for work in universe.works(night):
        key = work.index, work.changes_by(night)
        record = kept.get(key)
        if record is None:
            record = kept[key] = _record(universe, work, key[1])
        found.append(record)
    found.sort(key=lambda record: record.order)
    return found


def _record(universe: Universe, work: Work, changes: int) -> Record:
    """The record after the first so many of its work's changes."""
    form = work.published
    knows = form is not None and work.doi_known
    record = Record(
        arxiv_id=work.arxiv_id,
        datestamp=work.datestamp,
        sets=tuple(dict.fromkeys(map(set_of, work.categories))),
        work=work,
        title=work.title,
        paragraphs=work.paragraphs,
        version=work.version,
        updated=work.updated,
        comments=work.comments,
        doi=form.doi if form and knows else None,
        journal_ref=form.journal_ref if form and knows else None,
    )
    for change in work.changes[:changes]:
        day = universe.night_date(change.night)
        record = replace(record, datestamp=day)
        if change.kind == "published" and form:
            record = replace(record, doi=form.doi, journal_ref=form.journal_ref)
            continue
        if change.kind == "deleted":
            return replace(record, is_deleted=True, is_withdrawn=True)
        record = replace(record, version=record.version + 1, updated=day - timedelta(days=1))
        stream = dice(universe.origin, "version", work.index, record.version)
        if change.kind == "withdrawn":
            return replace(record, comments=stream.pick(GONE), is_withdrawn=True)
        if stream.chance(0.3):
            record = replace(record, title=retitled(stream, work.title))
        else:
            subject = Subject(stream, work.area)
            record = replace(record, paragraphs=prose.abstract(subject, None))
    return record


def damaged(universe: Universe, night: int) -> list[Record]:
    """Records that cannot be read: one or two each weekday since a week before the first night."""
    found = []
    first = universe.night_date(0) - timedelta(days=FIRST_DAYS)
    for count, day in enumerate(days.weekdays(first, universe.night_date(night))):
        kinds = ("no_id", "bad_date") if count % 2 == 0 else ("no_id",)
        for place, kind in enumerate(kinds):
            found.append(
                Record(
                    arxiv_id=f"{day:%y%m}.{99000 + day.day * 10 + place}",
                    datestamp=day,
                    sets=("cs:cs:LG",),
                    work=None,
                    title="A Record That Cannot Be Read",
                    paragraphs=("It is damaged on purpose.",),
                    damage=kind,
                )
            )
    return found


def between(
    universe: Universe, night: int, start: date | None, until: date | None, group: str | None
) -> list[Record]:
    """The records of a set whose datestamps lie between two days, both included."""
    everything = records(universe, night)
    low = bisect_left(everything, start, key=lambda r: r.datestamp) if start else 0
    high = bisect_right(everything, until, key=lambda r: r.datestamp) if until else None
    if group is None:
        return list(everything[low:high])
    below = group + ":"
    return [
        record
        for record in everything[low:high]
        if any(name == group or name.startswith(below) for name in record.sets)
    ]


def window_start(universe: Universe, night: int) -> date:
    """The first datestamp that a nightly harvest asks for; the window is open at its end."""
    if night == 0:
        return universe.night_date(0) - timedelta(days=FIRST_DAYS)
    return universe.night_date(night - 1) - timedelta(days=OVERLAP_DAYS)


def harvest(universe: Universe, night: int) -> Iterator[tuple[str, Record]]:
    """What one night's harvest of all sets reads, in order: the set and the record."""
    start = window_start(universe, night)
    for group in SETS_HARVESTED:
        for record in between(universe, night, start, None, group):
            yield group, record


def listings(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """What a lake that harvested every night knows; a deleted record keeps what was known."""
    known: dict[str, Record] = {}
    gone: dict[str, Record] = {}
    for each in range(night + 1):
        for _, record in harvest(universe, each):
            if record.damage is None and record.is_deleted:
                gone[record.arxiv_id] = record
            elif record.damage is None:
                known[record.arxiv_id] = record
    for arxiv_id in sorted(known | gone):
        alive = known.get(arxiv_id)
        work = (alive or gone[arxiv_id]).work
        assert work is not None, "only damaged records belong to no paper"
        yield {
            "listing_id": f"arxiv:{arxiv_id}",
            "source": "arxiv",
            "source_id": arxiv_id,
            "title": alive.title if alive else None,
            "version": alive.version if alive else None,
            "is_withdrawn": arxiv_id in gone or bool(alive and alive.is_withdrawn),
            "doi": alive.doi if alive else None,
            "arxiv_id": arxiv_id,
            "work_id": work.work_id,
            "relation": "same",
            "kin": work.kin,
            "kin_work_id": work.kin_work_id,
            "authors": [person.printed for person in work.authors] if alive else [],
            "abstract": "\n\n".join(alive.paragraphs) if alive else None,
        }


def quarantined(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """The damaged records of that night's windows, once for each set that serves them."""
    hints = {"no_id": "the element id is missing", "bad_date": "created is not a date"}
    for group, record in harvest(universe, night):
        if record.damage is not None:
            yield {
                "source": "arxiv",
                "reason_hint": hints[record.damage],
                "where": f"oai:arXiv.org:{record.arxiv_id}",
                "list": group,
                "datestamp": record.datestamp.isoformat(),
            }
