-- Stored matches that may be lost: found in a block that has just grown too large to be used, and in
-- none of the touched blocks that is still small enough.
-- Grain: one row per pair.
create or replace temp table crowded as
with overgrown as materialized (
    select
        s.listing_id,
        s.block,
    from sharing as s
    join populations as p on s.block = p.block
    where not s.is_renewed and p.n_before <= {most} and p.n_after > {most}
),

ends as (
    select
        m.left_id,
        m.right_id,
    from living_matches as m
    semi join overgrown as l on m.left_id = l.listing_id
    semi join overgrown as r on m.right_id = r.listing_id
)

select distinct
    e.left_id,
    e.right_id,
from ends as e
join overgrown as l on e.left_id = l.listing_id
join overgrown as r on e.right_id = r.listing_id and l.block = r.block;

create or replace temp table doubtful as
with ends as (
    select unnest([c.left_id, c.right_id]) as listing_id
    from crowded as c
),

small as materialized (
    select
        s.listing_id,
        s.block,
    from sharing as s
    semi join ends as e on s.listing_id = e.listing_id
    join populations as p on s.block = p.block
    where p.n_after <= {most}
),

spared as (
    select distinct
        c.left_id,
        c.right_id,
    from crowded as c
    join small as l on c.left_id = l.listing_id
    join small as r on c.right_id = r.listing_id and l.block = r.block
)

select
    c.left_id,
    c.right_id,
from crowded as c
anti join spared as s on c.left_id = s.left_id and c.right_id = s.right_id
