"""A record as arXiv gives it: OAI-PMH in the format `arXiv`, and its public metadata snapshot."""

from datetime import date
from typing import Annotated, Any, NotRequired, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

STRICT = ConfigDict(extra="forbid", strict=True)

# Known to us and of no use to a warehouse of papers.
Ignored: TypeAlias = Any


def _in_calendar(day: str) -> str:
    """Refuse 31 February."""
    date.fromisoformat(day[:10])
    return day


# The bounds are far above anything seen; what passes them is damage, not a paper.
_ID = r"([0-9]{4}\.[0-9]{4,5}|[a-z][a-z-]*(\.[A-Za-z-]+)?/[0-9]{7})"
ArxivId: TypeAlias = Annotated[str, Field(pattern=f"^{_ID}$")]
OaiId: TypeAlias = Annotated[str, Field(pattern=f"^oai:arXiv\\.org:{_ID}$")]
Title: TypeAlias = Annotated[str, Field(min_length=1, max_length=5_000)]
Text: TypeAlias = Annotated[str, Field(max_length=50_000)]
Name: TypeAlias = Annotated[str, Field(max_length=2_000)]
# A record names its institutions once for each author.
Affiliation: TypeAlias = Annotated[str, Field(max_length=10_000)]
Line: TypeAlias = Annotated[str, Field(max_length=5_000)]
Day: TypeAlias = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_in_calendar)
]
Datestamp: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$"),
    AfterValidator(_in_calendar),
]
MailTime: TypeAlias = Annotated[
    str,
    Field(
        pattern="^[A-Z][a-z]{2}, +[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$"
    ),
]


@with_config(STRICT)
class OaiAuthor(TypedDict):
    """One author in the format `arXiv`."""

    keyname: Name
    forenames: NotRequired[Name]
    suffix: NotRequired[Name]
    affiliation: NotRequired[Annotated[list[Affiliation], Field(max_length=1_000)]]


# The names with a hyphen cannot be written as attributes.
_OaiHyphened = TypedDict(
    "_OaiHyphened",
    {"journal-ref": Line, "report-no": Line, "msc-class": Ignored, "acm-class": Ignored},
    total=False,
)


@with_config(STRICT)
class OaiMetadata(_OaiHyphened):
    """The element `arXiv`; elements that are empty are left out."""

    id: ArxivId
    title: Title
    abstract: NotRequired[Text]
    authors: NotRequired[Annotated[list[OaiAuthor], Field(max_length=20_000)]]
    created: Day
    updated: NotRequired[Day]
    categories: NotRequired[Line]
    comments: NotRequired[Text]
    doi: NotRequired[Line]
    license: NotRequired[Line]
    # Of the author, when somebody else submitted it; not in use any more.
    proxy: NotRequired[Ignored]


@with_config(STRICT)
class OaiRecord(TypedDict):
    """A record of OAI-PMH: its header, and the element `arXiv`."""

    identifier: OaiId
    datestamp: Datestamp
    arXiv: OaiMetadata
    # The sets it is in, which the categories say more exactly.
    setSpec: NotRequired[Ignored]
    # Provenance of harvested copies; arXiv gives none.
    about: NotRequired[Ignored]


@with_config(STRICT)
class OaiDeleted(TypedDict):
    """A record that is gone: nothing but its header."""

    identifier: OaiId
    datestamp: Datestamp
    setSpec: NotRequired[Ignored]
    about: NotRequired[Ignored]


@with_config(STRICT)
class SnapshotVersion(TypedDict):
    """One version of a paper."""

    version: Annotated[str, Field(pattern=r"^v[0-9]{1,4}$")]
    created: MailTime


_SnapshotHyphened = TypedDict(
    "_SnapshotHyphened",
    {"journal-ref": Line | None, "report-no": Line | None},
    total=False,
)


@with_config(STRICT)
class SnapshotRecord(_SnapshotHyphened):
    """One line of the metadata snapshot."""

    id: ArxivId
    title: Title
    abstract: NotRequired[Text | None]
    authors_parsed: NotRequired[
        Annotated[
            list[Annotated[list[Affiliation], Field(min_length=1, max_length=1_000)]],
            Field(max_length=20_000),
        ]
        | None
    ]
    """Family name, given names, suffix, and then affiliations."""
    categories: NotRequired[Line | None]
    comments: NotRequired[Text | None]
    doi: NotRequired[Line | None]
    license: NotRequired[Line | None]
    submitter: NotRequired[Name | None]
    update_date: Day
    versions: Annotated[list[SnapshotVersion], Field(min_length=1, max_length=1_000)]
    # The same names as authors_parsed, in one string.
    authors: NotRequired[Ignored]
