-- The paper_id of every component: a function of the previous papers and the new grouping only.
-- A component that holds the birth listing of earlier papers takes the oldest of their ids, the
-- others of them are retired; of equally old ones, the one born with the smallest listing_id, so that
-- a paper that a decision split is the same again without it. A component that holds none takes the
-- id of a retired paper that was born with one of its listings, so that undoing a merge brings the id
-- back; else it is born and named after its smallest listing_id.
-- Grain: one row per component.
create or replace temp table assigned as
with earlier as (
    select
        c.component,
        p.paper_id,
        p.birth_listing_id,
        row_number() over (
            partition by c.component order by p.first_seen_date, p.birth_listing_id
        ) as age_rank,
    from components as c
    join affected_papers as p on c.listing_id = p.birth_listing_id
),

retired_earlier as (
    select
        c.component,
        r.paper_id,
        c.listing_id as birth_listing_id,
        row_number() over (partition by c.component order by c.listing_id) as age_rank,
    from components as c
    join living_redirects as r on 'p' || sha256(c.listing_id)[1:16] = r.paper_id
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
    coalesce(e.paper_id, r.paper_id, 'p' || sha256(s.listing_id)[1:16]) as paper_id,
    coalesce(e.birth_listing_id, r.birth_listing_id, s.listing_id) as birth_listing_id,
from smallest as s
left join earlier as e on s.component = e.component and e.age_rank = 1
left join retired_earlier as r on s.component = r.component and r.age_rank = 1
