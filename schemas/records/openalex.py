"""A work as OpenAlex gives it: `/works`, a single work, and a line of its snapshot.

Every field that its API serves (by its own source code of August 2026) is here, used or ignored by name; older names too, since
files may be old. Nearly every value may be null.
https://developers.openalex.org/api-reference/works
"""

from typing import Annotated, Any, NotRequired, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

STRICT = ConfigDict(extra="forbid", strict=True)

# Known to us and of no use to a warehouse of papers.
Ignored: TypeAlias = Any

# The bounds are far above anything seen; what passes them is damage, not a paper.
_LONGEST_ABSTRACT = 100_000

Inverted: TypeAlias = dict[str, list[Annotated[int, Field(ge=0)]]]


def _bounded(index: Inverted) -> Inverted:
    """Refuse an index that would make a text without end; its positions cost nothing."""
    if sum((len(word) + 1) * len(places) for word, places in index.items()) > _LONGEST_ABSTRACT:
        raise PydanticCustomError(
            "abstract", "stands for more than {most} characters", {"most": f"{_LONGEST_ABSTRACT:,}"}
        )
    return index


WorkId: TypeAlias = Annotated[str, Field(pattern=r"^https://openalex\.org/W[1-9][0-9]{0,18}$")]
Title: TypeAlias = Annotated[str, Field(max_length=5_000)]
Name: TypeAlias = Annotated[str, Field(max_length=2_000)]
# A record names its institutions once for each author.
Affiliation: TypeAlias = Annotated[str, Field(max_length=10_000)]
Word: TypeAlias = Annotated[str, Field(max_length=200)]
Url: TypeAlias = Annotated[str, Field(max_length=5_000)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=10**12)]
# Without a zone, and with microseconds.
Time: TypeAlias = Annotated[
    str,
    Field(max_length=40, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9:]+)?)?$"),
]
AbstractIndex: TypeAlias = Annotated[Inverted, Field(max_length=50_000), AfterValidator(_bounded)]


@with_config(STRICT)
class AuthorEntity(TypedDict):
    """The person OpenAlex takes an author for."""

    display_name: NotRequired[Name | None]
    orcid: NotRequired[Url | None]
    id: NotRequired[Ignored]


@with_config(STRICT)
class Institution(TypedDict):
    """An institution OpenAlex recognized in an affiliation."""

    display_name: NotRequired[Affiliation | None]
    id: NotRequired[Ignored]
    ror: NotRequired[Ignored]
    country_code: NotRequired[Ignored]
    type: NotRequired[Ignored]
    lineage: NotRequired[Ignored]


@with_config(STRICT)
class Authorship(TypedDict):
    """One author of a work."""

    author: NotRequired[AuthorEntity | None]
    raw_author_name: NotRequired[Name | None]
    raw_affiliation_strings: NotRequired[
        Annotated[list[Affiliation], Field(max_length=1_000)] | None
    ]
    institutions: NotRequired[Annotated[list[Institution], Field(max_length=1_000)] | None]
    author_position: NotRequired[Ignored]
    countries: NotRequired[Ignored]
    is_corresponding: NotRequired[Ignored]
    raw_affiliation_string: NotRequired[Ignored]
    raw_orcid: NotRequired[Ignored]
    affiliations: NotRequired[Ignored]


@with_config(STRICT)
class Venue(TypedDict):
    """A journal, a conference or a repository: OpenAlex calls it a source."""

    display_name: NotRequired[Name | None]
    id: NotRequired[Ignored]
    issn_l: NotRequired[Ignored]
    issn: NotRequired[Ignored]
    is_oa: NotRequired[Ignored]
    is_in_doaj: NotRequired[Ignored]
    is_indexed_in_scopus: NotRequired[Ignored]
    is_core: NotRequired[Ignored]
    host_organization: NotRequired[Ignored]
    host_organization_name: NotRequired[Ignored]
    host_organization_lineage: NotRequired[Ignored]
    host_organization_lineage_names: NotRequired[Ignored]
    type: NotRequired[Ignored]


@with_config(STRICT)
class Location(TypedDict):
    """A place where the work can be found."""

    landing_page_url: NotRequired[Url | None]
    pdf_url: NotRequired[Url | None]
    license: NotRequired[Name | None]
    source: NotRequired[Venue | None]
    raw_source_name: NotRequired[Name | None]
    raw_type: NotRequired[Name | None]
    """The type in the words of the place: Crossref's, where it knows the work."""
    id: NotRequired[Ignored]
    is_oa: NotRequired[Ignored]
    # A page of OpenAlex about the licence, and no more exact than its name.
    license_id: NotRequired[Ignored]
    version: NotRequired[Ignored]
    is_accepted: NotRequired[Ignored]
    is_published: NotRequired[Ignored]


@with_config(STRICT)
class OpenAccess(TypedDict):
    """Whether and how the work can be read."""

    is_oa: NotRequired[bool | None]
    oa_status: NotRequired[Ignored]
    oa_url: NotRequired[Ignored]
    any_repository_has_fulltext: NotRequired[Ignored]


@with_config(STRICT)
class Ids(TypedDict):
    """The work in other registers."""

    doi: NotRequired[Url | None]
    pmid: NotRequired[Url | None]
    pmcid: NotRequired[Url | None]
    mag: NotRequired[Annotated[str, Field(max_length=100)] | Annotated[int, Field(ge=0)] | None]
    openalex: NotRequired[Ignored]


@with_config(STRICT)
class Biblio(TypedDict):
    """Where in a journal; text, since an issue may be called Spring."""

    volume: NotRequired[Word | None]
    issue: NotRequired[Word | None]
    first_page: NotRequired[Word | None]
    last_page: NotRequired[Word | None]


@with_config(STRICT)
class Topic(TypedDict):
    """One of about 4,500 topics, in its subfield, field and domain."""

    display_name: NotRequired[Name | None]
    id: NotRequired[Ignored]
    count: NotRequired[Ignored]
    value: NotRequired[Ignored]
    score: NotRequired[Ignored]
    subfield: NotRequired[Ignored]
    field: NotRequired[Ignored]
    domain: NotRequired[Ignored]


@with_config(STRICT)
class Keyword(TypedDict):
    """A keyword that OpenAlex found in title and abstract."""

    display_name: NotRequired[Name | None]
    # Its name until 2024.
    keyword: NotRequired[Name | None]
    id: NotRequired[Ignored]
    score: NotRequired[Ignored]


@with_config(STRICT)
class Work(TypedDict):
    """One work."""

    id: WorkId
    doi: NotRequired[Url | None]
    display_name: NotRequired[Title | None]
    title: NotRequired[Title | None]
    publication_date: NotRequired[Time | None]
    language: NotRequired[Name | None]
    type: NotRequired[Name | None]
    type_crossref: NotRequired[Name | None]
    ids: NotRequired[Ids | None]
    primary_location: NotRequired[Location | None]
    best_oa_location: NotRequired[Location | None]
    locations: NotRequired[Annotated[list[Location], Field(max_length=10_000)] | None]
    open_access: NotRequired[OpenAccess | None]
    authorships: NotRequired[Annotated[list[Authorship], Field(max_length=20_000)] | None]
    cited_by_count: NotRequired[Count | None]
    biblio: NotRequired[Biblio | None]
    is_retracted: NotRequired[bool | None]
    is_paratext: NotRequired[bool | None]
    primary_topic: NotRequired[Topic | None]
    keywords: NotRequired[Annotated[list[Keyword], Field(max_length=1_000)] | None]
    abstract_inverted_index: NotRequired[AbstractIndex | None]
    updated_date: NotRequired[Time | None]
    # When OpenAlex came to know of it.
    created_date: NotRequired[Ignored]
    publication_year: NotRequired[Ignored]
    # Lists name 100 authors at most; this says so.
    is_authors_truncated: NotRequired[Ignored]
    relevance_score: NotRequired[Ignored]
    indexed_in: NotRequired[Ignored]
    sources: NotRequired[Ignored]
    institution_assertions: NotRequired[Ignored]
    institutions: NotRequired[Ignored]
    countries_distinct_count: NotRequired[Ignored]
    institutions_distinct_count: NotRequired[Ignored]
    corresponding_author_ids: NotRequired[Ignored]
    corresponding_institution_ids: NotRequired[Ignored]
    apc_list: NotRequired[Ignored]
    apc_paid: NotRequired[Ignored]
    fwci: NotRequired[Ignored]
    has_fulltext: NotRequired[Ignored]
    fulltext_origin: NotRequired[Ignored]
    has_content: NotRequired[Ignored]
    content_urls: NotRequired[Ignored]
    citation_normalized_percentile: NotRequired[Ignored]
    cited_by_percentile_year: NotRequired[Ignored]
    cited_by_api_url: NotRequired[Ignored]
    counts_by_year: NotRequired[Ignored]
    is_xpac: NotRequired[Ignored]
    topics: NotRequired[Ignored]
    concepts: NotRequired[Ignored]
    mesh: NotRequired[Ignored]
    locations_count: NotRequired[Ignored]
    sustainable_development_goals: NotRequired[Ignored]
    awards: NotRequired[Ignored]
    grants: NotRequired[Ignored]
    funders: NotRequired[Ignored]
    datasets: NotRequired[Ignored]
    versions: NotRequired[Ignored]
    referenced_works_count: NotRequired[Ignored]
    referenced_works: NotRequired[Ignored]
    related_works: NotRequired[Ignored]
    ngrams_url: NotRequired[Ignored]
    # Until 2023, now primary_location and locations.
    host_venue: NotRequired[Ignored]
    alternate_host_venues: NotRequired[Ignored]
