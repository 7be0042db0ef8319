-- Which affected listing carries which linking identifier, both as dense numbers for the graph.
-- Grain: one row per listing and identifier; identifier is null for a listing without any.
create or replace temp table links as
with remembered as (
    select
        m.listing_id,
        unnest(m.link_keys) as link_key,
    from affected_memberships as m
    anti join fresh as f on m.listing_id = f.listing_id
),

carried as (
    select
        f.listing_id,
        f.link_key,
    from fresh_links as f
    union all
    select
        r.listing_id,
        r.link_key,
    from remembered as r
),

listed as (
    select a.listing_id
    from affected as a
    anti join untitled as u on a.listing_id = u.listing_id
)

select
    d.listing_id,
    k.link_key,
    k.link_key >> 3 as identifier,
    dense_rank() over (order by d.listing_id) - 1 as listing_number,
    dense_rank() over (order by k.link_key >> 3 nulls last) - 1 as identifier_number,
from listed as d
left join carried as k on d.listing_id = k.listing_id
