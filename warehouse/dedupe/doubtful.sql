-- Stored matches that may be lost: found in a block that has just grown too large to be used, and in
-- none of the touched blocks that is still small enough.
-- Grain: one row per pair.
create or replace temp table doubtful as
with neighbours as (
    select
        s.listing_id,
        s.block,
        p.n_before <= {most} and p.n_after > {most} as is_overgrown,
        p.n_after <= {most} as is_small,
    from sharing as s
    join populations as p on s.block = p.block
    where not s.is_renewed
),

overgrown as (
    select
        n.listing_id,
        n.block,
    from neighbours as n
    where n.is_overgrown
),

crowded as (
    select distinct
        m.left_id,
        m.right_id,
    from living_matches as m
    join overgrown as l on m.left_id = l.listing_id
    join overgrown as r on m.right_id = r.listing_id and l.block = r.block
),

spared as (
    select distinct
        c.left_id,
        c.right_id,
    from crowded as c
    join neighbours as l on c.left_id = l.listing_id
    join neighbours as r on c.right_id = r.listing_id and l.block = r.block
    where l.is_small
)

select
    c.left_id,
    c.right_id,
from crowded as c
anti join spared as s on c.left_id = s.left_id and c.right_id = s.right_id
