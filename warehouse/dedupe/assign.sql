-- The paper_id of every component: a function of the previous papers and the new grouping only.
-- A component that holds the birth listing of earlier papers takes the oldest of their ids, the
-- others of them are retired; one that holds none is born and named after its smallest listing_id.
-- Grain: one row per component.
create or replace temp table assigned as
with earlier as (
    select
        c.component,
        p.paper_id,
        p.birth_listing_id,
        row_number() over (
            partition by c.component order by p.first_seen_date, p.paper_id
        ) as age_rank,
    from components as c
    join affected_papers as p on c.listing_id = p.birth_listing_id
),

smallest as (
    select
        c.component,
        min(c.listing_id) as listing_id,
    from components as c
    group by c.component
)

select
    s.component,
    coalesce(e.paper_id, 'p' || sha256(s.listing_id)[1:16]) as paper_id,
    coalesce(e.birth_listing_id, s.listing_id) as birth_listing_id,
from smallest as s
left join earlier as e on s.component = e.component and e.age_rank = 1
