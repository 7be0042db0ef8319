-- What became of paper ids in this snapshot: merged, split, restored.
-- Grain: one row per paper, event and other paper.
with moved as (
    select
        m.paper_id as from_id,
        a.paper_id as to_id,
        list_sort(list(m.listing_id))[:100] as listing_ids,
    from affected_memberships as m
    join components as c on m.listing_id = c.listing_id
    join assigned as a on c.component = a.component
    where m.paper_id <> a.paper_id
    group by m.paper_id, a.paper_id
),

told as (
    select
        m.from_id as paper_id,
        case when r.paper_id is not null then 'merged' else 'split' end as event,
        m.to_id as other_id,
        m.listing_ids,
    from moved as m
    left join retired as r on m.from_id = r.paper_id and m.to_id = r.merged_into
    union all
    select
        m.to_id as paper_id,
        'restored' as event,
        m.from_id as other_id,
        m.listing_ids,
    from moved as m
    semi join living_redirects as r on m.to_id = r.paper_id
)

select
    {snapshot}::bigint as snapshot,
    t.paper_id,
    t.event,
    t.other_id,
    t.listing_ids,
    date {night_date} as night_date,
from told as t
