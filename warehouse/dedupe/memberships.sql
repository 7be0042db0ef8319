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
        string_agg(distinct kind, '+' order by kind) as matched_by,
    from (
        select
            l.listing_id,
            getvariable('link_kinds')[l.link_key & 7] as kind,
        from links as l
        join shared as s on l.identifier = s.identifier
        where s.n_listings > 1
    ) as k
    group by k.listing_id
),

carried as (
    select
        k.listing_id,
        list_sort(list(k.link_key)) as link_keys,
    from links as k
    where k.link_key is not null
    group by k.listing_id
),

forms as (
    select
        r.listing_id,
        r.component,
        r.is_published,
        first_value(r.is_published) over (
            partition by r.component
            order by r.work_rank, not r.is_published, r.listing_id
        ) as is_paper_published,
    from ranked as r
)

select
    f.listing_id,
    a.paper_id,
    case when f.is_published = f.is_paper_published then 'same' else 'version' end as relation,
    x.matched_by,
    1.0::double as score,
    coalesce(c.link_keys, []) as link_keys,
from forms as f
join assigned as a on f.component = a.component
left join reasons as x on f.listing_id = x.listing_id
left join carried as c on f.listing_id = c.listing_id
