"""A paper as Hugging Face lists it: `/api/daily_papers`, its pages, and the text of a saved page.

Every field seen from May 2024 to June 2026 is here, used or ignored by name. Fields came and went,
so only what no listing can do without is required.
"""

from typing import Annotated, Any, NotRequired, TypeAlias

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

STRICT = ConfigDict(extra="forbid", strict=True)

# Known to us and of no use to a warehouse of papers.
Ignored: TypeAlias = Any

# The bounds are far above anything seen; what passes them is damage, not a paper.
ArxivId: TypeAlias = Annotated[
    str,
    Field(pattern=r"^([0-9]{4}\.[0-9]{4,5}|[a-z][a-z-]*(\.[A-Za-z-]+)?/[0-9]{7})(v[0-9]{1,3})?$"),
]
Title: TypeAlias = Annotated[str, Field(max_length=5_000)]
Text: TypeAlias = Annotated[str, Field(max_length=50_000)]
Name: TypeAlias = Annotated[str, Field(max_length=1_000)]
Url: TypeAlias = Annotated[str, Field(max_length=5_000)]
Keyword: TypeAlias = Annotated[str, Field(max_length=1_000)]
Time: TypeAlias = Annotated[
    str, Field(max_length=40, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+)?)?$")
]
Count: TypeAlias = Annotated[int, Field(ge=0, le=10**12)]


@with_config(STRICT)
class Author(TypedDict):
    """One author of a paper."""

    name: Name
    # Hides the paper on the profile of the author's account; an author it remains.
    hidden: NotRequired[Ignored]
    _id: NotRequired[Ignored]
    # The account, and how its claim to be the author was settled.
    user: NotRequired[Ignored]
    status: NotRequired[Ignored]
    statusLastChangedAt: NotRequired[Ignored]


@with_config(STRICT)
class Account(TypedDict):
    """A user of the site."""

    name: NotRequired[Name | None]
    user: NotRequired[Name | None]
    _id: NotRequired[Ignored]
    avatarUrl: NotRequired[Ignored]
    followerCount: NotRequired[Ignored]
    fullname: NotRequired[Ignored]
    isHf: NotRequired[Ignored]
    isHfAdmin: NotRequired[Ignored]
    isMod: NotRequired[Ignored]
    isPro: NotRequired[Ignored]
    isUserFollowing: NotRequired[Ignored]
    type: NotRequired[Ignored]


@with_config(STRICT)
class Organization(TypedDict):
    """An organization on the site."""

    name: NotRequired[Name | None]
    fullname: NotRequired[Name | None]
    _id: NotRequired[Ignored]
    avatar: NotRequired[Ignored]


@with_config(STRICT)
class Paper(TypedDict):
    """The paper inside a list's entry."""

    id: ArxivId
    title: NotRequired[Title | None]
    summary: NotRequired[Text | None]
    authors: NotRequired[Annotated[list[Author], Field(max_length=10_000)] | None]
    publishedAt: NotRequired[Time | None]
    # Missing before June 2025; its day is the day of listing in every recorded entry.
    submittedOnDailyAt: NotRequired[Time | None]
    submittedOnDailyBy: NotRequired[Account | None]
    withdrawnAt: NotRequired[Time | None]
    upvotes: NotRequired[Count | None]
    githubRepo: NotRequired[Url | None]
    githubStars: NotRequired[Count | None]
    projectPage: NotRequired[Url | None]
    ai_summary: NotRequired[Text | None]
    ai_summary_model: NotRequired[Name | None]
    ai_keywords: NotRequired[Annotated[list[Keyword], Field(max_length=1_000)] | None]
    organization: NotRequired[Organization | None]
    discussionId: NotRequired[Ignored]
    githubRepoAddedBy: NotRequired[Ignored]
    mediaUrls: NotRequired[Ignored]


@with_config(STRICT)
class Item(TypedDict):
    """One entry of a list."""

    paper: Paper
    title: NotRequired[Title | None]
    summary: NotRequired[Text | None]
    thumbnail: NotRequired[Url | None]
    # The thumbnail's name in May 2024.
    mediaUrl: NotRequired[Url | None]
    numComments: NotRequired[Count | None]
    submittedBy: NotRequired[Account | None]
    organization: NotRequired[Organization | None]
    # Never the day of listing: the evening before it, or the paper's date shifted by some hours.
    publishedAt: NotRequired[Ignored]
    isAuthorParticipating: NotRequired[Ignored]
    # Pictures and films in the submitter's comment.
    mediaUrls: NotRequired[Ignored]
    # The submitter's organization in September 2025, not the paper's.
    submitterOrganization: NotRequired[Ignored]


@with_config(STRICT)
class PageItem(TypedDict):
    """An entry together with what the page (or a recorder's wrapper) around the list says."""

    item: Item
    dateString: NotRequired[Name | None]
    periodType: NotRequired[Name | None]


@with_config(STRICT)
class TextItem(TypedDict):
    """An entry of a page that was saved as plain text."""

    title: Title
    abstract: Text
