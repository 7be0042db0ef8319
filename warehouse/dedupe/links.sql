-- Which affected listing carries which linking identifier, both as dense numbers for the graph.
-- Grain: one row per listing and identifier; identifier is null for a listing without any.
create or replace temp table links as
with listed as (
    select
        l.listing_id,
        l.identifiers,
        l.relations,
    from living_listings as l
    semi join affected as a on l.listing_id = a.listing_id
    where l.title is not null
),

carried as (
    select
        d.listing_id,
        unnest(d.identifiers) as identifier,
    from listed as d
),

related as (
    select
        d.listing_id,
        unnest(d.relations) as relation,
    from listed as d
    where len(d.relations) > 0
),

linking as (
    select
        c.listing_id,
        c.identifier.scheme as scheme,
        c.identifier.scheme || ':' || c.identifier.value as identifier,
    from carried as c
    where list_contains(getvariable('linking_schemes'), c.identifier.scheme)
    union all
    -- A preprint and the form it became are one paper, so each also carries the other's identifier.
    select
        r.listing_id,
        r.relation.type as scheme,
        r.relation.scheme || ':' || r.relation.value as identifier,
    from related as r
    where list_contains(getvariable('joining_relations'), r.relation.type)
        and list_contains(getvariable('linking_schemes'), r.relation.scheme)
)

select
    d.listing_id,
    k.scheme,
    k.identifier,
    dense_rank() over (order by d.listing_id) - 1 as listing_number,
    dense_rank() over (order by k.identifier nulls last) - 1 as identifier_number,
from listed as d
left join linking as k on d.listing_id = k.listing_id
