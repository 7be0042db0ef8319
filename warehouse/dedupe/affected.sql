-- Listings whose paper may change: those that changed, those that share an identifier with one that
-- changed, and everything in the papers of either. No other listing can be affected, because what
-- did not change and shares nothing new was joined, or not, before. Identifiers of the others are
-- compared by their stored numbers, so that no listing is read for it.
-- Grain: one row per listing.
create or replace temp table affected as
with carried as (
    select
        m.listing_id,
        unnest(m.link_keys) as link_key,
    from living_memberships as m
),

touched as (
    select f.listing_id
    from fresh as f
    union
    select k.listing_id
    from carried as k
    where k.link_key >> 3 in (select f.link_key >> 3 from fresh_links as f)
),

touched_papers as (
    select distinct m.paper_id
    from living_memberships as m
    semi join touched as t on m.listing_id = t.listing_id
)

select m.listing_id
from living_memberships as m
semi join touched_papers as p on m.paper_id = p.paper_id
union
select t.listing_id
from touched as t
