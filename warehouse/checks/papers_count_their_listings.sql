-- Every paper has listings, and listings_count is their number: papers and memberships are two
-- tables, and one written without the other shows here.
with

members as (
    select
        paper_id,
        count(*) as n_members,
    from lake.memberships
    group by paper_id
)

select
    papers.paper_id as what,
    papers.listings_count,
    coalesce(members.n_members, 0) as n_members,
from lake.papers as papers
left join members on members.paper_id = papers.paper_id
where papers.listings_count is distinct from members.n_members
limit 100
