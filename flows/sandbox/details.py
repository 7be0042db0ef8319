"""The small print of a work: its people, categories, comments, licence and later titles."""

from datetime import date, timedelta

from flows.sandbox import days, words
from flows.sandbox.prose import Dice, Subject
from flows.sandbox.works import Change, Person

LICENSES = (
    "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
    "http://creativecommons.org/licenses/by/4.0/",
    "http://creativecommons.org/licenses/by-nc-sa/4.0/",
    "http://creativecommons.org/publicdomain/zero/1.0/",
)
HARVESTED = ("cs.", "stat.", "eess.")
TAILS = ("A Second Look", "Theory and Practice", "Lessons Learned", "An Extended Study")


def delay(stream: Dice, typical: int) -> int:
    """Weekdays to wait: half of the time fewer than `typical`, now and then very many."""
    share = stream.random()
    return int(typical * share / (1.02 - share))


def publication(
    stream: Dice, submitted: date, stamp: date, changes: tuple[Change, ...], doi_known: bool
) -> date:
    """The day of the published form: before arXiv learns of it, else some time later."""
    if doi_known:
        return submitted + timedelta(days=stream.between(1, max(1, (stamp - submitted).days)))
    for change in changes:
        if change.kind == "published":
            return days.night_date(change.night) - timedelta(days=stream.between(1, 12))
    return submitted + timedelta(days=stream.between(60, 500))


def retitled(stream: Dice, title: str) -> str:
    """Another title for the same work."""
    head, colon, rest = title.partition(": ")
    if colon and len(rest) > 30 and stream.chance(0.6):
        return rest
    return f"{title if len(title) < 90 else head}: {stream.pick(TAILS)}"


def erratum(stream: Dice, title: str) -> str:
    """The abstract of an erratum."""
    table = stream.between(1, 6)
    return (
        f"We correct Table {table} and one reference of the paper {title}. The conclusions stand."
    )


def people(stream: Dice) -> tuple[Person, ...]:
    """One to nine authors; now and then a collaboration comes first."""
    found: list[Person] = []
    if stream.chance(0.015):
        found.append(Person("", f"{stream.pick(words.GROUPS)} Collaboration"))
    for _ in range(1 + int(9 * stream.random() * stream.random())):
        suffix = stream.pick(("Jr.", "III")) if stream.chance(0.008) else ""
        person = Person(stream.pick(words.GIVEN), stream.pick(words.FAMILY), suffix)
        if person not in found:
            found.append(person)
    return tuple(found)


def categories(stream: Dice, area: str, *, outside: bool) -> tuple[str, ...]:
    """The categories; unless outside, at least one belongs to the sets that are harvested."""
    own = words.AREAS[area]
    found = [stream.pick(own["primary"])]
    for _ in range(stream.between(0, 3)):
        extra = stream.pick(own["cross"])
        if extra not in found:
            found.append(extra)
    if not outside and not any(name.startswith(HARVESTED) for name in found):
        found.append(stream.pick(("cs.LG", "stat.ML", "cs.NA")))
    return tuple(found)


def remarks(stream: Dice, code_url: str | None) -> str | None:
    """The authors' comments: pages, figures, sometimes where accepted or where the code is."""
    if stream.chance(0.2):
        return f"Code: {code_url}" if code_url and stream.chance(0.5) else None
    said = f"{stream.between(4, 48)} pages, {stream.between(1, 17)} figures"
    if stream.chance(0.25):
        said += f". Accepted at {stream.pick(words.VENUES)[0]}"
    if code_url and stream.chance(0.3):
        said += f". Code: {code_url}"
    return said


def repository(stream: Dice, subject: Subject) -> str:
    """The address of a repository that does not exist."""
    name = subject.phrase("name").lower()
    return (
        f"https://github.com/sandbox-{stream.pick(words.LABS)[0]}/{name}_{stream.between(1, 999)}"
    )


def arxiv_quirks(stream: Dice) -> frozenset[str]:
    """How the arXiv record is written."""
    shares = (("latex", 0.5), ("shouted", 0.1), ("split", 0.5))
    return frozenset(name for name, share in shares if stream.chance(share))
