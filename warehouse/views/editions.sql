-- Editions of papers: its preprint, its conference form, its journal form. The listings of an
-- edition are one record, listed by one source or by several.
-- Grain: one row per edition.
-- Key: edition_id
-- Order: paper_id, edition_id
with

listed as (
    select
        coalesce(memberships.edition_id, memberships.listing_id) as edition_id,
        memberships.paper_id,
        memberships.relation,
        listings.listing_id,
        listings.source,
        listings.title,
        listings.type,
        listings.venue,
        listings.publication_date,
        listings.doi,
        -- The listing from which the paper takes most speaks for its edition.
        row(listings.listing_id <> papers.best_listing_id, listings.listing_id) as place,
    from lake.memberships as memberships
    join lake.listings as listings on listings.listing_id = memberships.listing_id
    join lake.papers as papers on papers.paper_id = memberships.paper_id
)

select
    edition_id,
    any_value(paper_id) as paper_id,
    min(relation) as relation,  -- same: the paper's main edition; version: another form of it.
    min(relation) = 'same' as is_main,  -- Whether it is the paper's main edition.
    arg_min(title, place) filter (where title is not null) as title,
    arg_min(type, place) filter (where type is not null) as type,
    arg_min(venue, place) filter (where venue is not null) as venue,
    arg_min(publication_date, place) filter (where publication_date is not null)
        as publication_date,
    year(arg_min(publication_date, place) filter (where publication_date is not null)) as year,
    -- Year of publication_date.
    arg_min(doi, place) filter (where doi is not null) as doi,
    count(*) as listings_count,  -- Number of listings of this edition.
    list_sort(list(listing_id)) as listing_ids,  -- Its listings, sorted.
    list_sort(list(distinct source)) as sources,  -- Sources that list this edition, sorted.
from listed
group by edition_id
