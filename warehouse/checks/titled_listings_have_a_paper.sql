-- Every listing with a title belongs to a paper: one that does not would be missing from papers.
select listings.listing_id as what
from lake.listings as listings
anti join lake.memberships as memberships on memberships.listing_id = listings.listing_id
where listings.title is not null
limit 100
