-- Every membership names a paper that exists: joins from listings to papers must lose nothing.
select
    memberships.listing_id as what,
    memberships.paper_id,
from lake.memberships as memberships
anti join lake.papers as papers on papers.paper_id = memberships.paper_id
where getvariable('changed_in') is null or changed_in_snapshot = getvariable('changed_in')
limit 100
