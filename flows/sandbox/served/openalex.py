"""The works that OpenAlex lists in a night, and what a nightly harvest knows of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flows.sandbox import days, markup
from flows.sandbox.prose import dice
from flows.sandbox.universe import Universe
from flows.sandbox.works import Work

LIST = "ai"
FIRST_DAYS = 7
OVERLAP_DAYS = 1
SHARE = 0.5
"""Of all works; the default list holds about half of these."""
LONE_SHARE = 0.35
"""Of the published works: known by the published form alone, without the preprint."""
DELETED_WORK = "W4285719527"
"""The placeholder that works which are gone lead to."""
TOPICS: Mapping[str, tuple[int, str, int, str]] = {
    "language": (10028, "Topic Modeling and Text", 1702, "Artificial Intelligence"),
    "vision": (10036, "Visual Recognition", 1707, "Computer Vision and Pattern Recognition"),
    "learning": (10320, "Neural Networks in Practice", 1702, "Artificial Intelligence"),
    "robotics": (10653, "Robot Learning and Control", 2207, "Control and Systems Engineering"),
    "data": (10317, "Data Management", 1710, "Information Systems"),
    "signal": (10201, "Speech and Signals", 1711, "Signal Processing"),
    "statistics": (10243, "Statistical Inference", 2613, "Statistics and Probability"),
    "mathematics": (11680, "Discrete Structures", 2607, "Discrete Mathematics"),
    "physics": (10048, "Particles and Fields", 3106, "Nuclear and High Energy Physics"),
}
"""Topic id and name, subfield id and name of each area; names are the sandbox's own."""
SUBFIELDS = frozenset({1702, 1707})
"""What the default list holds."""
DAMAGE: Mapping[str, str] = {
    "no_id": "id is missing",
    "path_id": "id is a path, not a work's address",
    "no_title": "display_name is null",
    "authors_text": "authorships is text",
    "count_text": "cited_by_count is text",
    "endless_abstract": "the index stands for a text without end",
}
"""What is wrong with the damaged items, one each weekday."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One work as it stands in a night."""

    key: str
    """W and a number."""
    updated_at: datetime
    """When it changed last, without a zone as OpenAlex writes it."""
    created_date: date
    publication_date: date
    cited_by_count: int
    has_preprint: bool
    """Whether it has a location at arXiv."""
    is_published: bool
    """Whether it has the published form's DOI and venue."""
    is_retracted: bool
    has_abstract: bool
    subfield: int
    work: Work | None
    """None for a damaged item that belongs to no paper."""
    damage: str | None = None

    @property
    def title(self) -> str:
        """The title as served: the published form's, where there is one."""
        assert self.work is not None, "damaged items are written by the protocol"
        form = self.work.published
        return form.title if form and self.is_published else self.work.title


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that will happen to one work at OpenAlex."""

    key: str
    created: date
    published: date | None
    """Day on which the published form is known."""
    is_lone: bool
    pace: int
    """Days between two updates of the citations."""
    n_updates: int
    step: int
    retracted: date | None
    has_abstract: bool
    clock: time


def entries(universe: Universe, night: int) -> Sequence[Entry]:
    """Every work as of that night, by day of publication and key."""
    return universe.remember(("openalex", night), lambda: _entries(universe, night), most=64)


def _entries(universe: Universe, night: int) -> list[Entry]:
    plans: dict[int, _Plan | None] = universe.remember("openalex plans", dict)
    today = universe.night_date(night)
    found = damaged(universe, night)
    for work in universe.works(night):
        if work.index not in plans:
            plans[work.index] = _plan(universe, work)
        plan = plans[work.index]
        if plan is not None and plan.created <= today:
            found.append(_entry(work, plan, today))
    found.sort(key=lambda entry: (entry.publication_date, entry.key))
    return found


def _plan(universe: Universe, work: Work) -> _Plan | None:
    stream = dice(universe.origin, "openalex", work.index)
    if not stream.chance(SHARE):
        return None
    form = work.published
    is_lone = form is not None and stream.chance(LONE_SHARE)
    delay = timedelta(days=stream.between(1, 5))
    published = form.published_date + delay if form else None
    created = work.submitted_at.date() + delay
    if is_lone and published:
        created = published
    retracted = None
    if published and stream.chance(0.03):
        retracted = max(published, universe.night_date(0)) + timedelta(days=stream.between(1, 40))
    return _Plan(
        key=f"W7{work.index:09d}",
        created=created,
        published=published,
        is_lone=is_lone,
        pace=stream.between(3, 15),
        n_updates=stream.between(0, 40),
        step=1 + int(6 * stream.random() * stream.random()),
        retracted=retracted,
        has_abstract=stream.chance(0.9),
        clock=time(
            stream.between(0, 5),
            stream.between(0, 59),
            stream.between(0, 59),
            stream.between(1, 10**6 - 1),
        ),
    )


def _entry(work: Work, plan: _Plan, today: date) -> Entry:
    """The work as it was left by its last update."""
    n_updates = min(plan.n_updates, (today - plan.created).days // plan.pace)
    events = [plan.created, plan.created + timedelta(days=n_updates * plan.pace)]
    events += [day for day in (plan.published, plan.retracted) if day and day <= today]
    is_published = plan.published is not None and plan.published <= today
    first = work.submitted_at.date()
    form = work.published
    return Entry(
        key=plan.key,
        updated_at=datetime.combine(max(events), plan.clock),
        created_date=plan.created,
        publication_date=form.published_date if form and is_published else first,
        cited_by_count=n_updates * plan.step,
        has_preprint=not plan.is_lone,
        is_published=is_published,
        is_retracted=plan.retracted is not None and plan.retracted <= today,
        has_abstract=plan.has_abstract,
        subfield=TOPICS[work.area][2],
        work=work,
    )


def damaged(universe: Universe, night: int) -> list[Entry]:
    """Damaged items: one each weekday since a week before the first night, and the placeholder.

    A universe so small that no sound work may stand beside them has none.
    """
    today = universe.night_date(night)
    first = universe.night_date(0) - timedelta(days=FIRST_DAYS)
    names = list(DAMAGE)
    found = [_odd(DELETED_WORK, today, None)]
    for count, day in enumerate(days.weekdays(first, today) if universe.papers >= 300 else ()):
        found.append(_odd(f"W69{count:08d}", day, names[count % len(names)]))
    return found


def _odd(key: str, day: date, damage: str | None) -> Entry:
    return Entry(
        key=key,
        updated_at=datetime.combine(day, time(4, 5, 6)),
        created_date=day,
        publication_date=day,
        cited_by_count=0,
        has_preprint=False,
        is_published=False,
        is_retracted=False,
        has_abstract=True,
        subfield=min(SUBFIELDS),
        work=None,
        damage=damage,
    )


def find(universe: Universe, night: int, key: str) -> Entry | None:
    """A work by its key."""
    by_key = universe.remember(
        ("openalex by key", night),
        lambda: {entry.key: entry for entry in entries(universe, night) if entry.work},
    )
    return by_key.get(key)


def window_start(universe: Universe, night: int) -> date:
    """The first day of change that a nightly harvest asks for; the window is open at its end."""
    if night == 0:
        return universe.night_date(0) - timedelta(days=FIRST_DAYS)
    return universe.night_date(night - 1) - timedelta(days=OVERLAP_DAYS)


def harvest(universe: Universe, night: int) -> Iterator[Entry]:
    """What one night's harvest of the default list reads, in order."""
    start = window_start(universe, night)
    for entry in entries(universe, night):
        if entry.subfield in SUBFIELDS and entry.updated_at.date() >= start:
            yield entry


def listings(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """What a lake that harvested every night knows: each work as it was last served."""
    known: dict[str, Entry] = {}
    for each in range(night + 1):
        for entry in harvest(universe, each):
            if entry.work is not None:
                known[entry.key] = entry
    for key, entry in sorted(known.items()):
        work = entry.work
        assert work is not None, "damaged items belong to no paper"
        form = work.published if entry.is_published else None
        # LaTeX accents are resolved, missing accents stay missing.
        is_latex = entry.title == markup.latex(work.title)
        yield {
            "listing_id": f"openalex:{key}",
            "source": "openalex",
            "source_id": key,
            "title": work.title if is_latex else entry.title,
            "version": None,
            "is_withdrawn": False,
            "doi": form.doi if form else None,
            "arxiv_id": work.arxiv_id if entry.has_preprint else None,
            "work_id": work.work_id,
            "relation": "same" if entry.has_preprint else "version",
            "kin": work.kin,
            "kin_work_id": work.kin_work_id,
            "authors": [person.printed for person in work.authors],
            "abstract": " ".join(abstract_words(work)) if entry.has_abstract else None,
        }


def abstract_words(work: Work) -> list[str]:
    """The words of the abstract; the index knows nothing of paragraphs."""
    return " ".join(work.paragraphs).split()


def metrics(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """How often each work of that night's window is cited."""
    for entry in harvest(universe, night):
        if entry.work is not None:
            yield {
                "source": "openalex",
                "list": LIST,
                "list_date": None,
                "night_date": universe.night_date(night).isoformat(),
                "listing_id": f"openalex:{entry.key}",
                "rank": None,
                "upvotes": None,
                "comment_count": None,
                "github_stars": None,
                "cited_by_count": entry.cited_by_count,
            }


def quarantined(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """The damaged items of that night's window."""
    for entry in harvest(universe, night):
        if entry.damage is not None:
            yield {
                "source": "openalex",
                "reason_hint": DAMAGE[entry.damage],
                "where": entry.key,
                "list": LIST,
                "updated_date": entry.updated_at.date().isoformat(),
            }
