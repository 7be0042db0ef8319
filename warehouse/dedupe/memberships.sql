-- The affected listings with their paper, its edition that they list, and what joined them.
-- Grain: one row per listing.
with shared as (
    select
        c.component,
        k.identifier,
        count(distinct k.listing_id) as n_listings,
    from links as k
    join components as c on k.listing_id = c.listing_id
    where k.identifier is not null
    group by c.component, k.identifier
),

joined as (
    select
        e.kind,
        e.strength,
        unnest([e.left_id, e.right_id]) as listing_id,
    from edges as e
    join components as l on e.left_id = l.listing_id
    join components as r on e.right_id = r.listing_id
    where l.component = r.component
),

kinds as (
    select
        l.listing_id,
        getvariable('link_kinds')[l.link_key & 7] as kind,
        100.0::double as strength,
    from links as l
    join components as c on l.listing_id = c.listing_id
    join shared as s on c.component = s.component and l.identifier = s.identifier
    where s.n_listings > 1
    union all
    select
        j.listing_id,
        j.kind,
        j.strength,
    from joined as j
    where j.kind <> 'link'
),

reasons as (
    select
        k.listing_id,
        string_agg(distinct k.kind, '+' order by k.kind) as matched_by,
        max(k.strength) as strength,
    from kinds as k
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
        c.edition_id,
        c.reach_id,
        first_value(c.edition_id) over (
            partition by r.component
            order by r.work_rank, not r.is_published, r.listing_id
        ) as main_edition_id,
    from ranked as r
    join components as c on r.listing_id = c.listing_id
)

select
    f.listing_id,
    a.paper_id,
    case when f.edition_id = f.main_edition_id then 'same' else 'version' end as relation,
    x.matched_by,
    case
        when x.strength >= 100 then 1.0
        when x.strength is not null then round(1 / (1 + exp(10 - x.strength)), 3)
        when x.listing_id is null then 1.0
    end as score,
    coalesce(c.link_keys, []) as link_keys,
    f.edition_id,
    f.reach_id,
from forms as f
join assigned as a on f.component = a.component
left join reasons as x on f.listing_id = x.listing_id
left join carried as c on f.listing_id = c.listing_id
