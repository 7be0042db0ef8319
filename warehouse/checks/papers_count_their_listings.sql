-- Every paper has listings, and listings_count is their number: papers and memberships are two
-- tables, and one written without the other shows here.
with

touched as (
    select paper_id from lake.papers where changed_in_snapshot = getvariable('changed_in')
    union
    select paper_id from lake.memberships where changed_in_snapshot = getvariable('changed_in')
),

members as (
    select
        paper_id,
        count(*) as n_members,
    from lake.memberships
    where getvariable('changed_in') is null or paper_id in (select paper_id from touched)
    group by paper_id
),

totals as (
    select
        (select sum(listings_count) from lake.papers) as n_counted,
        (select count(*) from lake.memberships) as n_members,
)

select
    papers.paper_id as what,
    papers.listings_count,
    coalesce(members.n_members, 0) as n_members,
from lake.papers as papers
left join members on members.paper_id = papers.paper_id
where papers.listings_count is distinct from members.n_members
    and (
        getvariable('changed_in') is null or papers.paper_id in (select paper_id from touched)
    )
union all
-- A paper that lost a listing and was not written again shows in the sum alone.
select
    'all papers' as what,
    n_counted as listings_count,
    n_members,
from totals
where coalesce(n_counted, 0) <> n_members
limit 100
