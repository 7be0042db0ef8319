-- Every membership names a listing that exists: papers must not count what is not there.
select
    memberships.listing_id as what,
    memberships.paper_id,
from lake.memberships as memberships
anti join lake.listings as listings on listings.listing_id = memberships.listing_id
where getvariable('changed_in') is null or changed_in_snapshot = getvariable('changed_in')
limit 100
