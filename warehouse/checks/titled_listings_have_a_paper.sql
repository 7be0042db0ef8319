-- Every listing with a title belongs to a paper: one that does not would be missing from papers.
select listings.listing_id as what
from lake.listings as listings
anti join lake.memberships as memberships on memberships.listing_id = listings.listing_id
where listings.title is not null
    and (getvariable('changed_in') is null or changed_in_snapshot = getvariable('changed_in'))
limit 100
