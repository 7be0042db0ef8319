"""The lists that Hugging Face serves in a night, and what a nightly harvest knows of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flows.sandbox import days, markup
from flows.sandbox.posts import grown, stars_on, withdrawn_at
from flows.sandbox.universe import Universe
from flows.sandbox.works import Post, Work

FIRST_DAYS = 30
OVERLAP_DAYS = 7
TRENDING_SIZE = 100
TRENDING_SERVED = 150
DAMAGE: Mapping[str, str] = {
    "title_number": "paper.title is a number",
    "no_id": "paper.id is missing",
    "upvotes_text": "paper.upvotes is text",
    "path_id": "paper.id is a path, not an arXiv id",
    "huge_title": "paper.title has a million characters",
    "no_paper": "paper is null",
    "authors_text": "paper.authors is text",
}
"""What is wrong with the damaged items, two on each list day."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a list as it stands in a night."""

    paper_id: str
    list_date: date
    upvotes: int
    comment_count: int
    github_stars: int | None
    has_summary: bool
    """Whether ai_summary and ai_keywords have arrived."""
    withdrawn_at: datetime | None
    work: Work | None
    """None for a damaged item that belongs to no paper."""
    damage: str | None = None


def entries(universe: Universe, night: int) -> Mapping[date, Sequence[Entry]]:
    """Every list day's items as of that night, the most upvoted first."""
    return universe.remember(("huggingface", night), lambda: _entries(universe, night), most=64)


def _entries(universe: Universe, night: int) -> dict[date, list[Entry]]:
    found: dict[date, list[Entry]] = {}
    now, today = universe.now(night), universe.night_date(night)
    for work in universe.works(night):
        if work.post is not None and work.post.posted_at <= now:
            entry = _entry(universe, work, work.post, night, today)
            found.setdefault(entry.list_date, []).append(entry)
    for day in days.weekdays(universe.night_date(0) - timedelta(days=FIRST_DAYS), today):
        found.setdefault(day, []).extend(damaged(day))
    for listed in found.values():
        listed.sort(key=lambda entry: (-entry.upvotes, entry.paper_id))
    return found


def _entry(universe: Universe, work: Work, post: Post, night: int, today: date) -> Entry:
    waited = (today - post.list_date).days
    return Entry(
        paper_id=work.arxiv_id,
        list_date=post.list_date,
        upvotes=1 + grown(post.upvotes, waited + 0.25, 2),
        comment_count=1 + grown(post.comments, waited + 0.25, 3),
        github_stars=stars_on(post, today) if work.code_url else None,
        has_summary=waited >= post.ai_after_days,
        withdrawn_at=withdrawn_at(work, post, universe.night_date(0), night),
        work=work,
    )


def damaged(day: date, kinds: Sequence[str] | None = None) -> list[Entry]:
    """The damaged items of a list day: two kinds in turn, so that each comes every few days."""
    names = list(DAMAGE)
    first = day.toordinal() * 2
    return [
        Entry(
            paper_id=f"{day:%y%m}.{98000 + day.day * 10 + place}",
            list_date=day,
            upvotes=(day.toordinal() * 7 + place * 5) % 30,
            comment_count=0,
            github_stars=None,
            has_summary=False,
            withdrawn_at=None,
            work=None,
            damage=kind,
        )
        for place, kind in enumerate(
            kinds or (names[first % len(names)], names[(first + 1) % len(names)])
        )
    ]


def daily(universe: Universe, night: int, day: date) -> Sequence[Entry]:
    """One day's list as of that night; empty on weekends."""
    return entries(universe, night).get(day, ())


def recent(universe: Universe, night: int) -> Sequence[Entry]:
    """Every item, the newest list day first: what is served when no date is asked for."""
    lists = entries(universe, night)
    return [entry for day in sorted(lists, reverse=True) for entry in lists[day]]


def trending(universe: Universe, night: int) -> Sequence[Entry]:
    """The papers whose repositories gained most stars in the last seven days."""
    return universe.remember(
        ("huggingface trending", night), lambda: _trending(universe, night), most=64
    )


def _trending(universe: Universe, night: int) -> list[Entry]:
    today = universe.night_date(night)
    ranked: list[tuple[int, str, Entry]] = []
    for listed in entries(universe, night).values():
        for entry in listed:
            if entry.work and entry.work.post and entry.github_stars is not None:
                before = stars_on(entry.work.post, today - timedelta(days=7))
                ranked.append((before - entry.github_stars, entry.paper_id, entry))
    ranked.sort(key=lambda row: row[:2])
    top = [entry for _, _, entry in ranked[:TRENDING_SERVED]]
    if night % 4 == 2:
        top[60:60] = damaged(today, ["no_id"])
    return top[:TRENDING_SERVED]


def find(universe: Universe, night: int, paper_id: str) -> Entry | None:
    """The paper's own page, if Hugging Face has it."""
    by_id = universe.remember(
        ("huggingface by id", night),
        lambda: {e.paper_id: e for e in recent(universe, night) if e.damage is None},
    )
    return by_id.get(paper_id)


def window(universe: Universe, night: int) -> list[date]:
    """The list days that one night's harvest reads."""
    if night == 0:
        start = universe.night_date(0) - timedelta(days=FIRST_DAYS)
    else:
        start = universe.night_date(night - 1) - timedelta(days=OVERLAP_DAYS)
    return days.weekdays(start, universe.night_date(night))


def harvest(universe: Universe, night: int) -> Iterator[tuple[str, date, int, Entry]]:
    """What one night's harvest reads, in order: list, list date, rank, item."""
    for day in window(universe, night):
        for rank, entry in enumerate(daily(universe, night, day), start=1):
            yield "daily", day, rank, entry
    today = universe.night_date(night)
    for rank, entry in enumerate(trending(universe, night)[:TRENDING_SIZE], start=1):
        yield "trending", today, rank, entry


def authors(work: Work) -> list[str]:
    """The names as Hugging Face prints them."""
    is_folded = work.post is not None and "folded" in work.post.quirks
    return [markup.folded(p.printed) if is_folded else p.printed for p in work.authors]


def listings(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """What a lake that harvested every night knows: each item as it was last served."""
    known: dict[str, Entry] = {}
    for each in range(night + 1):
        for _, _, _, entry in harvest(universe, each):
            if entry.work is not None:
                known[entry.paper_id] = entry
    for paper_id, entry in sorted(known.items()):
        work = entry.work
        assert work is not None, "only damaged items belong to no paper"
        yield {
            "listing_id": f"huggingface:{paper_id}",
            "source": "huggingface",
            "source_id": paper_id,
            "title": work.title,
            "version": None,
            "is_withdrawn": entry.withdrawn_at is not None,
            "doi": None,
            "arxiv_id": paper_id,
            "work_id": work.work_id,
            "relation": "same",
            "kin": work.kin,
            "kin_work_id": work.kin_work_id,
            "authors": authors(work),
            "abstract": "\n\n".join(work.paragraphs),
        }


def metrics(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """What the lists of that night's windows say of each listing; damaged items take up a rank."""
    for name, day, rank, entry in harvest(universe, night):
        if entry.work is not None:
            yield {
                "source": "huggingface",
                "list": name,
                "list_date": day.isoformat(),
                "night_date": universe.night_date(night).isoformat(),
                "listing_id": f"huggingface:{entry.paper_id}",
                "rank": rank,
                "upvotes": entry.upvotes,
                "comment_count": entry.comment_count,
                "github_stars": entry.github_stars,
            }


def quarantined(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """The damaged items of that night's windows."""
    for name, day, rank, entry in harvest(universe, night):
        if entry.damage is not None:
            yield {
                "source": "huggingface",
                "reason_hint": DAMAGE[entry.damage],
                "where": f"item {rank - 1} of the {name} list of {day}",
                "list": name,
                "list_date": day.isoformat(),
            }
