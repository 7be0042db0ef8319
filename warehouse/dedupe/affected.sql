-- Listings whose paper may change: those that changed, those that share an identifier with one that
-- changed, and everything in the papers of either. No other listing can be affected, because what
-- did not change and shares nothing new was joined, or not, before.
-- Grain: one row per listing.
create or replace temp table affected as
with links as (
    select
        l.listing_id,
        unnest(l.identifiers) as identifier,
    from living_listings as l
    where l.title is not null
    union all
    select
        l.listing_id,
        struct_pack(scheme := relation.scheme, value := relation.value) as identifier,
    from living_listings as l
    cross join unnest(l.relations) as stated(relation)
    where l.title is not null
        and len(l.relations) > 0
        and list_contains(getvariable('joining_relations'), relation.type)
),

changed_links as (
    select distinct k.identifier
    from links as k
    semi join changed_listings as c on k.listing_id = c.listing_id
    where list_contains(getvariable('linking_schemes'), k.identifier.scheme)
),

touched as (
    select c.listing_id
    from changed_listings as c
    union
    select k.listing_id
    from links as k
    semi join changed_links as c on k.identifier = c.identifier
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
