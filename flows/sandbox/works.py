"""What a work of the sandbox is: the truth about one paper, whoever lists it."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Person:
    """An author, or a collaboration (which has only a family name)."""

    given: str
    family: str
    suffix: str = ""

    @property
    def printed(self) -> str:
        """The name in reading order."""
        return " ".join(part for part in (self.given, self.family, self.suffix) if part)


@dataclass(frozen=True, slots=True)
class Published:
    """The published form of a work, for sources that list it."""

    title: str
    doi: str
    venue: str
    venue_short: str
    type: str
    published_date: date
    year: int | None
    """Year as the published form's listings give it; null where they miss it."""
    volume: int
    pages: str
    shares_identifier: bool
    """Whether arXiv knows the DOI (and so both forms share an identifier)."""
    is_retitled: bool
    differs_only_by_markup: bool
    """Whether the titles differ only by accents or LaTeX."""

    @property
    def journal_ref(self) -> str:
        """The reference as authors give it to arXiv."""
        place = f"{self.venue_short} {self.volume}"
        return f"{place} ({self.published_date.year}) {self.pages}"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the arXiv record, on a weekday's night."""

    night: int
    kind: str
    """revised, published, withdrawn (by a comment) or deleted."""


@dataclass(frozen=True, slots=True)
class Post:
    """The work's life on Hugging Face."""

    list_date: date
    posted_at: datetime
    user: str
    fullname: str
    lab: tuple[str, str] | None
    upvotes: int
    """Upvotes it will have in the end."""
    comments: int
    ai_after_days: int
    """Days after listing until ai_summary and ai_keywords arrive."""
    ai_summary: str
    ai_keywords: tuple[str, ...]
    stars: int
    """Stars of the repository when it was listed."""
    stars_to_come: int
    burst_day: date | None
    """Day on which the repository becomes popular once more."""
    withdrawn_after_days: int
    """Days between arXiv's withdrawal and withdrawnAt."""
    quirks: frozenset[str]
    """wrapped, latex, folded (authors without accents), decomposed, extra, media."""


@dataclass(frozen=True, slots=True)
class Work:
    """One paper: what is true of it, and all that will happen to it."""

    index: int
    work_id: str
    area: str
    title: str
    paragraphs: tuple[str, ...]
    authors: tuple[Person, ...]
    categories: tuple[str, ...]
    """The primary one first."""
    arxiv_id: str
    submitted_at: datetime
    born: int
    """Night from which arXiv lists it."""
    datestamp: date
    """Datestamp before any change."""
    version: int
    """Number of arXiv versions before any change."""
    updated: date | None
    """Day of the newest version, where there is more than one."""
    changes: tuple[Change, ...]
    comments: str | None
    doi_known: bool
    """Whether arXiv gives the published form's DOI from the beginning."""
    license: str
    report_no: str | None
    msc_class: str | None
    code_url: str | None
    project_url: str | None
    quirks: frozenset[str]
    """latex (accents as LaTeX on arXiv), shouted (DOI in capitals), split (collaboration in two)."""
    published: Published | None
    post: Post | None
    kin: str | None
    """part_two, same_title or erratum, where it resembles another work."""
    kin_work_id: str | None

    def changes_by(self, night: int) -> int:
        """How many of its changes have happened by that night."""
        count = 0
        for change in self.changes:
            if change.night > night:
                break
            count += 1
        return count
