-- Ids given up, and where each now leads: to the paper that holds the listing it was born with.
create or replace temp table retired as
select
    p.paper_id,
    a.paper_id as merged_into,
from affected_papers as p
join components as c on p.birth_listing_id = c.listing_id
join assigned as a on c.component = a.component
where p.paper_id <> a.paper_id;

-- Earlier redirects are led on: with the listing they were born with where that is affected, else
-- with the paper they led to.
create or replace temp table redirected as
with born as (
    select
        'p' || sha256(c.listing_id)[1:16] as paper_id,
        a.paper_id as merged_into,
    from components as c
    join assigned as a on c.component = a.component
)

select
    r.paper_id,
    r.merged_into,
from retired as r
union all
select
    r.paper_id,
    coalesce(b.merged_into, t.merged_into) as merged_into,
from living_redirects as r
left join born as b on r.paper_id = b.paper_id
left join retired as t on r.merged_into = t.paper_id
where coalesce(b.merged_into, t.merged_into) is not null
    and r.paper_id not in (select a.paper_id from assigned as a);
