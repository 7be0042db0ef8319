-- The listing that a paper is told from belongs to it: after a split or a merge it must be chosen
-- anew.
select
    papers.paper_id as what,
    papers.best_listing_id,
from lake.papers as papers
anti join lake.memberships as memberships
    on memberships.listing_id = papers.best_listing_id
    and memberships.paper_id = papers.paper_id
where getvariable('changed_in') is null or changed_in_snapshot = getvariable('changed_in')
limit 100
