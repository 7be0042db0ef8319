"""A work as Crossref gives it: an item of `/works`, of `/works/{doi}` and of its public data file.

Names and types follow https://github.com/CrossRef/rest-api-doc/blob/master/api_format.md and what
answers of 2026 hold beyond it. Every field is used or ignored by name. Publishers deposit what they
like, so only the DOI is required, and most fields may be null.
"""

from typing import Annotated, Any, NotRequired, TypeAlias

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

STRICT = ConfigDict(extra="forbid", strict=True)

# Known to us and of no use to a warehouse of papers.
Ignored: TypeAlias = Any

# The bounds are far above anything seen; what passes them is damage, not a work.
Doi: TypeAlias = Annotated[
    str, Field(max_length=2_000, pattern=r"^10\.[0-9]{4,9}(\.[0-9]{1,9}){0,3}/\S+$")
]
# MathML makes long titles.
Title: TypeAlias = Annotated[str, Field(max_length=20_000)]
Text: TypeAlias = Annotated[str, Field(max_length=200_000)]
Name: TypeAlias = Annotated[str, Field(max_length=5_000)]
# A word that Crossref makes up itself: a type, a role, a relation.
Word: TypeAlias = Annotated[str, Field(max_length=200)]
Url: TypeAlias = Annotated[str, Field(max_length=10_000)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=10**12)]
Time: TypeAlias = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$")
]
Titles: TypeAlias = Annotated[list[Title | None], Field(max_length=1_000)]
Names: TypeAlias = Annotated[list[Name | None], Field(max_length=10_000)]
# Year, month and day, as far as they are known; `[[null]]` says that nothing is.
DateParts: TypeAlias = Annotated[
    list[
        Annotated[list[Annotated[int, Field(ge=-(10**6), le=10**6)] | None], Field(max_length=10)]
    ],
    Field(max_length=10),
]

# Names with a hyphen cannot be written as attributes.
_Moment = TypedDict(
    "_Moment",
    {"date-parts": NotRequired[DateParts | None], "date-time": NotRequired[Time | None]},
)


@with_config(STRICT)
class Moment(_Moment):
    """A day, a month or a year; of Crossref's own doings a time."""

    timestamp: NotRequired[Ignored]
    version: NotRequired[Ignored]


@with_config(STRICT)
class Affiliation(TypedDict):
    """Where an author works."""

    name: NotRequired[Name | None]
    id: NotRequired[Ignored]
    place: NotRequired[Ignored]
    department: NotRequired[Ignored]
    acronym: NotRequired[Ignored]


_Author = TypedDict("_Author", {"authenticated-orcid": NotRequired[Ignored]})


@with_config(STRICT)
class Author(_Author):
    """A person with a family name, or an organization with a name."""

    family: NotRequired[Name | None]
    given: NotRequired[Name | None]
    suffix: NotRequired[Name | None]
    name: NotRequired[Name | None]
    ORCID: NotRequired[Url | None]
    affiliation: NotRequired[Annotated[list[Affiliation], Field(max_length=10_000)] | None]
    # Dr., Prof.
    prefix: NotRequired[Ignored]
    # first or additional: the order of the list says the same.
    sequence: NotRequired[Ignored]
    role: NotRequired[Ignored]
    id: NotRequired[Ignored]


@with_config(STRICT)
class Institution(TypedDict):
    """The server of a preprint, the university of a thesis."""

    name: NotRequired[Name | None]
    id: NotRequired[Ignored]
    acronym: NotRequired[Ignored]
    place: NotRequired[Ignored]
    department: NotRequired[Ignored]


@with_config(STRICT)
class Event(TypedDict):
    """The conference."""

    name: NotRequired[Name | None]
    acronym: NotRequired[Ignored]
    location: NotRequired[Ignored]
    start: NotRequired[Ignored]
    end: NotRequired[Ignored]
    number: NotRequired[Ignored]
    sponsor: NotRequired[Ignored]
    theme: NotRequired[Ignored]


_License = TypedDict(
    "_License",
    {
        "content-version": NotRequired[Word | None],
        "delay-in-days": NotRequired[Annotated[int, Field(ge=-(10**6), le=10**6)] | None],
    },
)


@with_config(STRICT)
class License(_License):
    """A licence, and for which version of the text it is given."""

    URL: Url
    start: NotRequired[Ignored]


_Link = TypedDict(
    "_Link",
    {
        "content-type": NotRequired[Word | None],
        "intended-application": NotRequired[Word | None],
        "content-version": NotRequired[Ignored],
    },
)


@with_config(STRICT)
class Link(_Link):
    """Where the full text is."""

    URL: Url


_Related = TypedDict(
    "_Related",
    {"id-type": NotRequired[Word | None], "asserted-by": NotRequired[Ignored]},
)


@with_config(STRICT)
class Related(_Related):
    """The other end of a relation."""

    id: Url | None


_Update = TypedDict("_Update", {"record-id": NotRequired[Ignored]})


@with_config(STRICT)
class Update(_Update):
    """The work that this one corrects or retracts, or that does so to this one."""

    DOI: NotRequired[Url | None]
    type: NotRequired[Word | None]
    label: NotRequired[Ignored]
    source: NotRequired[Ignored]
    updated: NotRequired[Ignored]


_Work = TypedDict(
    "_Work",
    {
        "article-number": NotRequired[Name | None],
        "alternative-id": NotRequired[Names | None],
        "container-title": NotRequired[Titles | None],
        "group-title": NotRequired[Name | None],
        "is-referenced-by-count": NotRequired[Count | None],
        "published-online": NotRequired[Moment | None],
        "published-other": NotRequired[Moment | None],
        "published-print": NotRequired[Moment | None],
        "update-to": NotRequired[Annotated[list[Update], Field(max_length=10_000)] | None],
        "updated-by": NotRequired[Annotated[list[Update], Field(max_length=10_000)] | None],
        # Known to us and of no use here.
        "award-start": NotRequired[Ignored],
        "clinical-trial-number": NotRequired[Ignored],
        "component-number": NotRequired[Ignored],
        "content-created": NotRequired[Ignored],
        "content-domain": NotRequired[Ignored],
        "content-updated": NotRequired[Ignored],
        "edition-number": NotRequired[Ignored],
        "free-to-read": NotRequired[Ignored],
        "isbn-type": NotRequired[Ignored],
        "issn-type": NotRequired[Ignored],
        "journal-issue": NotRequired[Ignored],
        "original-title": NotRequired[Ignored],
        "part-number": NotRequired[Ignored],
        "proceedings-subject": NotRequired[Ignored],
        "publisher-location": NotRequired[Ignored],
        "reference-count": NotRequired[Ignored],
        "references-count": NotRequired[Ignored],
        # Often without blanks or equal to the full title.
        "short-container-title": NotRequired[Ignored],
        "short-title": NotRequired[Ignored],
        "special-numbering": NotRequired[Ignored],
        "standards-body": NotRequired[Ignored],
        "update-policy": NotRequired[Ignored],
    },
)


@with_config(STRICT)
class Work(_Work):
    """One work."""

    DOI: Doi
    type: NotRequired[Word | None]
    subtype: NotRequired[Word | None]
    title: NotRequired[Titles | None]
    subtitle: NotRequired[Titles | None]
    abstract: NotRequired[Text | None]
    # What data sets and components have for an abstract.
    description: NotRequired[Text | None]
    author: NotRequired[Annotated[list[Author], Field(max_length=20_000)] | None]
    event: NotRequired[Event | None]
    # An object of its own until 2021, a list since.
    institution: NotRequired[
        Annotated[list[Institution], Field(max_length=1_000)] | Institution | None
    ]
    indexed: NotRequired[Moment | None]
    deposited: NotRequired[Moment | None]
    issued: NotRequired[Moment | None]
    published: NotRequired[Moment | None]
    posted: NotRequired[Moment | None]
    volume: NotRequired[Name | None]
    issue: NotRequired[Name | None]
    page: NotRequired[Name | None]
    language: NotRequired[Word | None]
    license: NotRequired[Annotated[list[License], Field(max_length=1_000)] | None]
    link: NotRequired[Annotated[list[Link], Field(max_length=1_000)] | None]
    relation: NotRequired[
        dict[Word, Annotated[list[Related], Field(max_length=10_000)] | None] | None
    ]
    ISSN: NotRequired[Names | None]
    ISBN: NotRequired[Names | None]
    # Its address at doi.org, and the publisher's page behind it.
    URL: NotRequired[Ignored]
    resource: NotRequired[Ignored]
    # Works cited, grants, and what the publisher asserts; many, and no part of a listing.
    reference: NotRequired[Ignored]
    funder: NotRequired[Ignored]
    assertion: NotRequired[Ignored]
    # Days on the way to publication.
    accepted: NotRequired[Ignored]
    approved: NotRequired[Ignored]
    created: NotRequired[Ignored]
    # Other people than authors.
    chair: NotRequired[Ignored]
    editor: NotRequired[Ignored]
    translator: NotRequired[Ignored]
    # A classification of journals that Crossref gave up in 2024.
    subject: NotRequired[Ignored]
    # How well it answers a query; we send none.
    score: NotRequired[Ignored]
    aliases: NotRequired[Ignored]
    archive: NotRequired[Ignored]
    award: NotRequired[Ignored]
    degree: NotRequired[Ignored]
    member: NotRequired[Ignored]
    prefix: NotRequired[Ignored]
    project: NotRequired[Ignored]
    publisher: NotRequired[Ignored]
    review: NotRequired[Ignored]
    source: NotRequired[Ignored]
    status: NotRequired[Ignored]
    version: NotRequired[Ignored]
