-- What may join the listings of a select to others: a number an identifier, whose upper bits are a
-- hash of it and whose lowest three say what kind of link it is (its place in `link_kinds`).
-- Grain: one row per listing and linking identifier.
with listed as (
    select
        l.listing_id,
        l.identifiers,
        l.relations,
    from {listings} as l
    where l.title is not null
),

carried as (
    select
        l.listing_id,
        unnest(l.identifiers) as identifier,
    from listed as l
),

related as (
    select
        l.listing_id,
        unnest(l.relations) as relation,
    from listed as l
    where len(l.relations) > 0
),

linking as (
    select
        c.listing_id,
        c.identifier.scheme as kind,
        c.identifier.scheme || ':' || c.identifier.value as identifier,
    from carried as c
    where list_contains(getvariable('linking_schemes'), c.identifier.scheme)
    union all
    -- A preprint and the form it became are one paper, so each also carries the other's identifier.
    select
        r.listing_id,
        r.relation.type as kind,
        r.relation.scheme || ':' || r.relation.value as identifier,
    from related as r
    where list_contains(getvariable('joining_relations'), r.relation.type)
        and list_contains(getvariable('linking_schemes'), r.relation.scheme)
)

select distinct
    k.listing_id,
    ('0x' || md5(k.identifier)[1:15])::bigint * 8
        + list_position(getvariable('link_kinds'), k.kind) as link_key,
from linking as k
anti join void_identifiers as v on k.identifier = v.identifier
