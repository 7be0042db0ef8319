-- The affected listings with their paper, and what joined them.
-- Grain: one row per listing.
with shared as (
    select
        k.identifier,
        count(distinct k.listing_id) as n_listings,
    from links as k
    where k.identifier is not null
    group by k.identifier
),

reasons as (
    select
        k.listing_id,
        string_agg(distinct k.scheme, '+' order by k.scheme) as matched_by,
    from links as k
    join shared as s on k.identifier = s.identifier
    where s.n_listings > 1
    group by k.listing_id
),

forms as (
    select
        r.listing_id,
        r.component,
        r.is_published,
        first_value(r.is_published) over (
            partition by r.component order by r.work_rank, r.listing_id
        ) as is_paper_published,
    from ranked as r
)

select
    f.listing_id,
    a.paper_id,
    case when f.is_published = f.is_paper_published then 'same' else 'version' end as relation,
    x.matched_by,
    1.0::double as score,
from forms as f
join assigned as a on f.component = a.component
left join reasons as x on f.listing_id = x.listing_id
