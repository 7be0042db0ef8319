-- Stored matches that may be lost: found in a block that has just grown too large to be used.
-- Grain: one row per pair.
create or replace temp table doubtful as
with overgrown as (
    select p.block
    from populations as p
    where p.n_before <= {most} and p.n_after > {most}
),

crowded as (
    select distinct s.listing_id
    from sharing as s
    semi join overgrown as o on s.block = o.block
)

select
    m.left_id,
    m.right_id,
from living_matches as m
semi join crowded as l on m.left_id = l.listing_id
semi join crowded as r on m.right_id = r.listing_id
anti join renewed as n on m.left_id = n.listing_id
anti join renewed as n on m.right_id = n.listing_id;
