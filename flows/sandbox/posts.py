"""A work's life on Hugging Face: when it is listed, and how its numbers grow."""

from datetime import UTC, date, datetime, time, timedelta

from flows.sandbox import markup, words
from flows.sandbox.prose import Dice, Subject
from flows.sandbox.works import Person, Post, Work

SHARES = (
    ("wrapped", 0.5),
    ("latex", 0.2),
    ("folded", 0.1),
    ("decomposed", 0.1),
    ("extra", 0.01),
    ("media", 0.1),
)


def post_of(
    stream: Dice, day: date, subject: Subject, authors: tuple[Person, ...], has_code: bool
) -> Post:
    """The plan of one listing; a fifth are posted after the night has looked at the day's list."""
    hour = stream.between(0, 5) if stream.chance(0.8) else stream.between(7, 21)
    at = time(hour, stream.between(0, 59), stream.between(0, 59), tzinfo=UTC)
    poster = stream.pick(authors)
    fame = stream.random() * stream.random() * stream.random()
    user = markup.folded(poster.printed.lower()).translate({ord(c): None for c in " .'"})
    burst = None
    if has_code and stream.chance(0.06):
        burst = day + timedelta(days=stream.between(15, 200))
    keywords = [subject.phrase(slot) for slot in ("method", "method2", "task", "quality")]
    return Post(
        list_date=day,
        posted_at=datetime.combine(day, at),
        user=f"{user[:24]}{stream.between(1, 99)}",
        fullname=poster.printed,
        lab=stream.pick(words.LABS) if stream.chance(0.6) else None,
        upvotes=2 + int(fame * 260),
        comments=1 + int(fame * 14),
        ai_after_days=stream.between(1, 3),
        ai_summary=subject.fill("{Adj} {method} improves {quality} of {task} {setting}."),
        ai_keywords=tuple(keywords[: stream.between(2, 4)]),
        stars=int(stream.random() * stream.random() * 900),
        stars_to_come=int(fame * 3000),
        burst_day=burst,
        withdrawn_after_days=stream.between(0, 1),
        quirks=frozenset(name for name, share in SHARES if stream.chance(share)),
    )


def grown(final: int, waited_days: float, half_days: int) -> int:
    """How much of a final number has come: half of it after `half_days`."""
    return 0 if waited_days <= 0 else int(final * waited_days / (waited_days + half_days))


def stars_on(post: Post, day: date) -> int:
    """Stars of the repository on the morning of a day."""
    waited = (day - post.list_date).days + 0.25
    stars = post.stars + grown(post.stars_to_come, waited, 6)
    if post.burst_day is not None:
        stars += grown(post.stars_to_come * 2 + 200, (day - post.burst_day).days + 0.25, 4)
    return stars


def withdrawn_at(work: Work, post: Post, first_night: date, night: int) -> datetime | None:
    """When Hugging Face marked it as withdrawn, if it has by that night."""
    last = work.changes[-1] if work.changes else None
    if last is None or last.kind not in {"withdrawn", "deleted"}:
        return None
    if last.night + post.withdrawn_after_days > night:
        return None
    day = first_night + timedelta(days=last.night + post.withdrawn_after_days)
    return datetime.combine(day, time(4, 12, 7, tzinfo=UTC))
