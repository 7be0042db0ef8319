-- Identifiers of listings in normal form: look a DOI or an arXiv id up here.
-- Grain: one row per listing and identifier.
-- Key: listing_id, scheme, value
-- Order: scheme, value, listing_id
with

listed as (
    select
        listing_id,
        source,
        unnest(identifiers) as identifier,
    from lake.listings
)

select
    listed.listing_id,
    listed.source,
    identifier.scheme as scheme,  -- Kind of identifier: doi, arxiv, pmid, openalex, ...
    identifier.value as value,
    -- The identifier in the normal form of its scheme: DOI lower case without address, arXiv id
    -- without version.
    memberships.paper_id,
from listed
left join lake.memberships as memberships on memberships.listing_id = listed.listing_id
