"""How works come to be: each from its own stream of chance, with all that will happen to it."""

from datetime import UTC, date, datetime, time, timedelta

from flows.sandbox import days, details, markup, prose, words
from flows.sandbox.posts import post_of
from flows.sandbox.prose import Dice, Subject, dice
from flows.sandbox.works import Change, Published, Work

RATES = {
    "published": 0.36,
    "no_identifier": 0.34,  # of the published: both forms share no identifier
    "retitled": 0.095,  # of the published
    "no_year": 0.065,  # of the published
    "markup": 0.04,  # of the published: titles differ only by accents or LaTeX
    "part_two": 0.0125,
    "same_title": 0.0125,
    "erratum": 0.0125,
    "withdrawn": 0.027,
}
"""How often things happen, a little above the least that any universe must have."""

AREA_WEIGHTS = (
    *("language",) * 22,
    *("vision",) * 18,
    *("learning",) * 20,
    *("robotics",) * 8,
    *("data",) * 7,
    *("signal",) * 8,
    *("statistics",) * 9,
    *("mathematics",) * 4,
    *("physics",) * 4,
)


class Births:
    """Makes works in order; it remembers the titles used, the numbers given and the shares kept."""

    def __init__(self, seed: int, papers: int) -> None:
        self.key = f"{seed}:{papers}"
        self.works: list[Work] = []
        self.titles: set[str] = set()
        self.numbers: dict[str, int] = {}
        self.counts: dict[str, int] = {}

    def due(self, name: str, rate: float) -> bool:
        """Whether it is this one's turn, so that the share is kept exactly in any universe."""
        count = self.counts[name] = self.counts.get(name, 0) + 1
        return int(count * rate) > int((count - 1) * rate)

    def first(self, papers: int) -> None:
        """The works that exist in night 0: listed ones, other sets' ones, and older ones."""
        stamps = days.weekdays(days.FIRST_NIGHT - timedelta(days=7), days.FIRST_NIGHT)
        lists = days.weekdays(days.FIRST_NIGHT - timedelta(days=30), days.FIRST_NIGHT)
        older = days.weekdays(days.FIRST_NIGHT - timedelta(days=100), lists[0] - timedelta(days=1))
        for _ in range(papers):
            stream = self.stream()
            stamp = stream.pick(stamps)
            if not self.due("listed", 0.24):
                age = stream.between(20, 600) if stream.chance(0.3) else stream.between(1, 3)
                self.birth(stream, 0, stamp, age, None, outside=False)
                continue
            day = lists[self.counts["listed"] * 7 % len(lists)]
            own = days.weekday_on_or_before(day - timedelta(days=stream.between(0, 2)))
            if day >= stamps[1] or stream.chance(0.5):
                stamp = own
            age = (stamp - own).days + stream.between(1, 4)
            self.birth(stream, 0, stamp, age, day, outside=self.due("listed_outside", 0.03))
        for _ in range(papers // 25):
            stream = self.stream()
            self.birth(stream, 0, stream.pick(stamps), stream.between(1, 300), None, outside=True)
        for _ in range(papers // 20):
            stream = self.stream()
            day = stream.pick(older)
            own = days.weekday_on_or_before(day - timedelta(days=stream.between(0, 2)))
            self.birth(stream, 0, own, stream.between(1, 4), day, outside=False)

    def later(self, weekday: int, papers: int) -> None:
        """The works of the count-th weekday after the first night."""
        night = days.weekday_night(weekday)
        stamp = days.night_date(night)
        for place in range(max(1, round(papers * 0.02))):
            stream = self.stream()
            day = stamp if place == 0 else None
            if self.due("listed_later", 0.3) and place:
                day = days.weekday_on_or_after(stamp + timedelta(days=stream.between(0, 2)))
            outside = self.due("outside_later", 0.04)
            self.birth(stream, night, stamp, stream.between(1, 3), day, outside=outside)

    def stream(self) -> Dice:
        """The stream of chance of the next work."""
        return dice(self.key, "work", len(self.works))

    def birth(
        self, stream: Dice, night: int, stamp: date, age: int, listed: date | None, *, outside: bool
    ) -> None:
        """Make one work, submitted `age` days before its datestamp."""
        index = len(self.works)
        at = time(stream.between(0, 23), stream.between(0, 59), stream.between(0, 59), tzinfo=UTC)
        submitted = datetime.combine(stamp - timedelta(days=age), at)
        revisions = 0 if age <= 4 else stream.between(1, 3)
        published = self.due("published", RATES["published"])
        markup_only = published and self.due("markup", RATES["markup"])
        area = stream.pick(("mathematics", "physics")) if outside else stream.pick(AREA_WEIGHTS)
        kin, base = (None, None) if markup_only else self.kin(stream)
        if base and kin != "same_title":
            area = base.area
        subject = Subject(stream, area)
        title, authors = self.title(subject, kin, base, markup_only), details.people(stream)
        if base and kin != "same_title":
            authors = base.authors
        code_url = details.repository(stream, subject) if stream.chance(0.45) else None
        code_in_text = code_url if stream.chance(0.4) else None
        if base and kin == "erratum":
            paragraphs: tuple[str, ...] = (details.erratum(stream, base.title),)
        else:
            paragraphs = prose.abstract(subject, code_in_text)
        shares = published and not self.due("no_identifier", RATES["no_identifier"])
        doi_known = shares and (age > 60 or stream.chance(0.1))
        changes = self.changes(stream, night, shares and not doi_known)
        form = None
        if published:
            day = details.publication(stream, submitted.date(), stamp, changes, doi_known)
            form = self.published(stream, index, title, day, markup_only, shares)
        post = None
        if listed:
            post = post_of(stream, listed, subject, authors, bool(code_url))
        month = f"{submitted:%y%m}"
        number = self.numbers[month] = self.numbers.get(month, 0) + 1
        self.works.append(
            Work(
                index=index,
                work_id=f"work-{index:06d}",
                area=area,
                title=title,
                paragraphs=paragraphs,
                authors=authors,
                categories=details.categories(stream, area, outside=outside),
                arxiv_id=f"{month}.{number:05d}",
                submitted_at=submitted,
                born=night,
                datestamp=stamp,
                version=1 + revisions,
                updated=stamp - timedelta(days=1) if revisions else None,
                changes=changes,
                comments=details.remarks(stream, None if code_in_text else code_url),
                doi_known=doi_known,
                license=stream.pick(details.LICENSES),
                report_no=f"SBX-{stream.between(1, 999):03d}" if stream.chance(0.03) else None,
                msc_class=f"{stream.between(11, 94)}A{stream.between(10, 99)}"
                if area == "mathematics"
                else None,
                code_url=code_url,
                project_url=f"https://{subject.phrase('name').lower()}.example.org/"
                if stream.chance(0.2)
                else None,
                quirks=details.arxiv_quirks(stream),
                published=form,
                post=post,
                kin=kin,
                kin_work_id=base.work_id if base else None,
            )
        )

    def kin(self, stream: Dice) -> tuple[str | None, Work | None]:
        """Whether the next work resembles an earlier one, and which."""
        for kind in ("part_two", "same_title", "erratum"):
            if self.due(kind, RATES[kind]) and self.works:
                for _ in range(20):
                    base = stream.pick(self.works)
                    if base.kin is None:
                        return kind, base
        return None, None

    def title(self, subject: Subject, kin: str | None, base: Work | None, accented: bool) -> str:
        """A title no other work has, unless the work is a namesake."""
        if base and kin == "same_title":
            return base.title
        for attempt in range(50):
            if attempt == 6:
                base = None  # all its styles are taken: a follow-up under a title of its own
            if base and kin == "part_two":
                style = subject.stream.pick(("{}, Part II", "{}: Part II", "{} II: Beyond {}"))
                found = style.format(base.title, prose.headline(subject.phrase("method")))
            elif base and kin == "erratum":
                found = subject.stream.pick(("Erratum: {}", 'Erratum to "{}"')).format(base.title)
            elif accented:
                found = subject.fill(subject.stream.pick(words.PERSON_TITLES), title=True)
            else:
                found = prose.title(subject)
            if found.casefold() not in self.titles:
                break
            subject.chosen.clear()
        self.titles.add(found.casefold())
        return found

    def changes(self, stream: Dice, night: int, to_be_published: bool) -> tuple[Change, ...]:
        """All that will happen to the arXiv record, on weekdays, at most one thing a night."""
        begin = days.weekdays_by(night)
        draw = stream.random()
        revisions = 0 if draw > 0.46 else 1 if draw > 0.09 else 2
        planned = [(1 + details.delay(stream, 50), "revised") for _ in range(revisions)]
        if to_be_published:
            planned.append((10 + details.delay(stream, 60), "published"))
        if self.due("withdrawn", RATES["withdrawn"]):
            kind = "deleted" if self.due("deleted", 0.4) else "withdrawn"
            already = night == 0 and stream.chance(0.2)
            planned.append((0 if already else 1 + details.delay(stream, 25), kind))
        changes: list[Change] = []
        for wait, kind in sorted(planned):
            when = days.weekday_night(begin + wait)
            if when > days.LAST_NIGHT or (changes and changes[-1].night == when):
                continue
            changes.append(Change(when, kind))
            if kind in {"withdrawn", "deleted"}:
                break
        return tuple(changes)

    def published(
        self, stream: Dice, index: int, title: str, day: date, markup_only: bool, shares: bool
    ) -> Published:
        """The published form, with the differences that make matching hard."""
        venue, short, kind = stream.pick(words.VENUES)
        other = not markup_only and self.due("retitled", RATES["retitled"] / (1 - RATES["markup"]))
        shown = title
        if markup_only:
            shown = markup.folded(title) if stream.chance(0.5) else markup.latex(title)
        elif other:
            shown = details.retitled(stream, title)
        first = stream.between(1, 900)
        return Published(
            title=shown,
            doi=f"10.5555/{short.lower().replace(' ', '').replace('.', '')}.{day.year}.{index:06d}",
            venue=venue,
            venue_short=short,
            type=kind,
            published_date=day,
            year=None if self.due("no_year", RATES["no_year"]) else day.year,
            volume=stream.between(1, 80),
            pages=f"{first}-{first + stream.between(6, 30)}",
            shares_identifier=shares,
            is_retitled=other,
            differs_only_by_markup=markup_only,
        )
