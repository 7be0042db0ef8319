"""The works that Crossref lists in a night, and what a nightly harvest knows of them.

It lists the published forms of the universe's works, from the day on which they were deposited:
that of publication, or long before it where the printed issue is still to come. Some have a preprint
of their own at the publisher's server, some are retracted, each by a notice of its own. A record is
indexed anew every few days, whenever somebody cites it; its content mostly stays as it was.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flows.sandbox import markup
from flows.sandbox.prose import dice
from flows.sandbox.universe import Universe
from flows.sandbox.works import Published, Work

LIST = "member:320"
FIRST_DAYS = 7
OVERLAP_DAYS = 1
LONGEST_LEAD = 300
"""Days by which a printed issue may lie in the future when its works are deposited."""
DAMAGE: Mapping[str, str] = {
    "no_doi": "DOI is missing",
    "path_doi": "DOI is a path",
    "title_text": "title is text, not a list",
    "date_text": "issued holds text instead of numbers",
    "cited_text": "is-referenced-by-count is text",
    "huge_title": "title has a million characters",
}
"""What is wrong with the damaged items, one on every other day on which anything is indexed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen to one published form at Crossref."""

    work: Work
    form: Published
    deposited: date
    """Day from which it is listed."""
    cycle: int
    """Days from one time of indexing to the next."""
    fame: float
    """Citations a day."""
    abstract_after: int | None
    """Days until the publisher adds the abstract; None where it never does."""
    is_linked: bool
    """Whether it names the arXiv preprint."""
    preprint_doi: str | None
    """Of the preprint at the publisher's own server."""
    retracted: date | None
    quirks: frozenset[str]
    """subtitled, wrapped, italic, month (no day is known), embargoed."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record as it stands in a night."""

    doi: str
    indexed: date
    plan: Plan | None
    """None for a damaged record that belongs to no work."""
    kind: str = "form"
    """form, preprint, notice or damaged."""
    deposited: date | None = None
    """Day on which the publisher last changed it; a retraction does not, a notice tells of it."""
    cited_by_count: int = 0
    has_abstract: bool = False
    is_retracted: bool = False
    relations: tuple[tuple[str, str, str], ...] = ()
    """How it stands to which other work: type, scheme, value."""
    damage: str | None = None

    @property
    def order(self) -> tuple[date, str]:
        """Where it stands in a list."""
        return self.indexed, self.doi

    @property
    def title(self) -> str:
        """The title as readable text."""
        assert self.plan is not None, "only damaged records have no plan"
        work, form = self.plan.work, self.plan.form
        if self.kind == "preprint":
            return work.title
        shown = work.title if form.title == markup.latex(work.title) else form.title
        return f"Retraction: {shown}" if self.kind == "notice" else shown

    @property
    def published(self) -> date | None:
        """The day that the record tells; the first of the month where it tells no more."""
        assert self.plan is not None, "only damaged records have no plan"
        plan = self.plan
        if self.kind == "notice":
            return plan.retracted
        if self.kind == "preprint":
            return plan.deposited
        if plan.form.year is None:
            return None
        day = plan.form.published_date
        return day.replace(day=1) if "month" in plan.quirks else day


def plans(universe: Universe, night: int) -> Iterator[Plan]:
    """What will happen to every published form of the works that exist by that night."""
    kept: dict[int, Plan] = universe.remember("crossref plans", dict)
    for work in universe.works(night):
        if work.published is not None:
            plan = kept.get(work.index)
            if plan is None:
                plan = kept[work.index] = _plan(universe, work, work.published)
            yield plan


def _plan(universe: Universe, work: Work, form: Published) -> Plan:
    stream = dice(universe.origin, "crossref", work.index)
    lead = 0 if form.shares_identifier else stream.between(0, LONGEST_LEAD)
    deposited = max(work.submitted_at.date(), form.published_date - timedelta(days=lead))
    preprint = f"10.5555/preprint.{work.index:06d}" if stream.chance(0.08) else None
    retracted = None
    if stream.chance(0.06):
        retracted = max(deposited, universe.night_date(0)) + timedelta(days=stream.between(1, 30))
    shares = (("subtitled", 0.15), ("wrapped", 0.1), ("italic", 0.05), ("month", 0.15))
    quirks = {name for name, share in (*shares, ("embargoed", 0.2)) if stream.chance(share)}
    return Plan(
        work=work,
        form=form,
        deposited=deposited,
        cycle=stream.between(3, 30),
        fame=stream.random() * stream.random() / 3,
        abstract_after=None if stream.chance(0.3) else stream.pick((0, 0, 0, 4, 9)),
        is_linked=stream.chance(0.15),
        preprint_doi=preprint,
        retracted=retracted,
        quirks=frozenset(quirks),
    )


def records(universe: Universe, night: int) -> Sequence[Item]:
    """Every record as of that night, by day of indexing and DOI."""
    return universe.remember(("crossref", night), lambda: _records(universe, night), most=64)


def _records(universe: Universe, night: int) -> list[Item]:
    today = universe.night_date(night)
    found: list[Item] = []
    for plan in plans(universe, night):
        if plan.deposited <= today:
            found += _items(universe, plan, today)
    first = universe.night_date(0) - timedelta(days=FIRST_DAYS)
    # A day with nothing sound would look like a source that has changed.
    days = {item.indexed for item in found if item.indexed >= first}
    found += [damaged(day) for day in days if day.toordinal() % 2 == 0]
    found.sort(key=lambda item: item.order)
    return found


def _items(universe: Universe, plan: Plan, today: date) -> Iterator[Item]:
    """The form's record, that of its preprint, and the notice of its retraction."""
    indexed = today - timedelta(days=(today - plan.deposited).days % plan.cycle)
    retracted = plan.retracted is not None and plan.retracted <= today
    if plan.retracted is not None and retracted:
        indexed = max(indexed, plan.retracted)
    age = (indexed - plan.deposited).days
    relations = list(_corrected(universe, plan))
    notice = f"{plan.form.doi}.notice"
    if plan.is_linked:
        relations.append(("has-preprint", "arxiv", plan.work.arxiv_id))
    if plan.preprint_doi:
        relations.append(("has-preprint", "doi", plan.preprint_doi))
    if retracted:
        relations.append(("retracted-by", "doi", notice))
    has_abstract = plan.abstract_after is not None and age >= plan.abstract_after
    item = Item(
        doi=plan.form.doi,
        indexed=indexed,
        plan=plan,
        deposited=plan.deposited + timedelta(days=(plan.abstract_after or 0) * has_abstract),
        cited_by_count=int(age * plan.fame),
        has_abstract=has_abstract,
        is_retracted=retracted,
        relations=tuple(sorted(relations)),
    )
    yield item
    if plan.preprint_doi:
        stated = (("is-preprint-of", "doi", plan.form.doi),)
        yield replace(
            item,
            doi=plan.preprint_doi,
            kind="preprint",
            deposited=plan.deposited,
            has_abstract=True,
            is_retracted=False,
            cited_by_count=0,
            relations=stated,
        )
    if plan.retracted is not None and retracted:
        yield Item(
            doi=notice,
            indexed=plan.retracted,
            plan=plan,
            kind="notice",
            deposited=plan.retracted,
            relations=(("retracts", "doi", plan.form.doi),),
        )


def _corrected(universe: Universe, plan: Plan) -> Iterator[tuple[str, str, str]]:
    """The published form that an erratum corrects."""
    if plan.work.kin == "erratum" and plan.work.kin_work_id:
        base = universe.works(plan.work.born)[int(plan.work.kin_work_id.rpartition("-")[2])]
        if base.published is not None:
            yield "corrects", "doi", base.published.doi


def damaged(day: date) -> Item:
    """The damaged record of a day: each kind comes once in twelve days."""
    kind = list(DAMAGE)[day.toordinal() // 2 % len(DAMAGE)]
    return Item(
        doi=f"10.5555/damaged.{day:%Y%m%d}", indexed=day, plan=None, kind="damaged", damage=kind
    )


def since(universe: Universe, night: int, start: date) -> Sequence[Item]:
    """What was indexed on that day or later."""
    everything = records(universe, night)
    return everything[bisect_left(everything, start, key=lambda item: item.indexed) :]


def harvest(universe: Universe, night: int) -> Sequence[Item]:
    """What one night's harvest reads, in order; the window is open at its end."""
    before = FIRST_DAYS if night == 0 else 1 + OVERLAP_DAYS
    return since(universe, night, universe.night_date(night) - timedelta(days=before))


def listings(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """What a lake that harvested every night knows: each record as it was last served."""
    known: dict[str, Item] = {}
    for each in range(night + 1):
        for item in harvest(universe, each):
            if item.plan is not None:
                known[item.doi] = item
    for doi, item in sorted(known.items()):
        plan = item.plan
        assert plan is not None, "only damaged records have no plan"
        work, form, is_notice = plan.work, plan.form, item.kind == "notice"
        published = item.published
        yield {
            "listing_id": f"crossref:{doi}",
            "source": "crossref",
            "source_id": doi,
            "title": item.title,
            "version": None,
            "is_withdrawn": False,
            "doi": doi,
            "arxiv_id": None,
            "work_id": f"{work.work_id}-notice" if is_notice else work.work_id,
            "relation": "version" if item.kind == "preprint" else "same",
            "kin": "notice" if is_notice else work.kin,
            "kin_work_id": work.work_id if is_notice else work.kin_work_id,
            "authors": [] if is_notice else [person.printed for person in work.authors],
            "abstract": "\n\n".join(work.paragraphs) if item.has_abstract else None,
            "type": "preprint" if item.kind == "preprint" else form.type,
            "venue": "Preprints of the Sandbox" if item.kind == "preprint" else form.venue,
            "publication_date": published and published.isoformat(),
            "is_retracted": True if item.is_retracted else None,
            "relations": [list(relation) for relation in item.relations],
        }


def metrics(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """How often each work of that night's window is cited."""
    for item in harvest(universe, night):
        if item.plan is not None:
            yield {
                "source": "crossref",
                "list": LIST,
                "list_date": None,
                "night_date": universe.night_date(night).isoformat(),
                "listing_id": f"crossref:{item.doi}",
                "rank": None,
                "upvotes": None,
                "comment_count": None,
                "github_stars": None,
                "cited_by_count": item.cited_by_count,
            }


def quarantined(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """The damaged records of that night's window."""
    for item in harvest(universe, night):
        if item.damage is not None:
            yield {
                "source": "crossref",
                "reason_hint": DAMAGE[item.damage],
                "where": f"the damaged work indexed on {item.indexed}",
                "list": LIST,
                "indexed": item.indexed.isoformat(),
            }
