-- Stored matches that no longer count: of a listing that is compared anew, or found only in blocks
-- that have grown too large to be used.
create or replace temp table ended_matches as
with overgrown as (
    select p.block
    from populations as p
    where p.n_before <= {most} and p.n_after > {most}
),

crowded as (
    select distinct s.listing_id
    from sharing as s
    semi join overgrown as o on s.block = o.block
),

doubtful as (
    select
        m.left_id,
        m.right_id,
    from living_matches as m
    semi join crowded as l on m.left_id = l.listing_id
    semi join crowded as r on m.right_id = r.listing_id
    anti join renewed as n on m.left_id = n.listing_id
    anti join renewed as n on m.right_id = n.listing_id
),

shared as (
    select
        d.left_id,
        d.right_id,
        unnest(list_intersect(l.blocks, r.blocks)) as block,
    from doubtful as d
    join living_match_keys as l on d.left_id = l.listing_id
    join living_match_keys as r on d.right_id = r.listing_id
),

-- Sizes now, of blocks that the change did not touch as well.
carried as (
    select unnest(k.blocks) as block
    from living_match_keys as k
    where exists (select 1 from doubtful)
        and k.listing_id not in (select r.listing_id from renewed as r)
    union all
    select f.block
    from fresh_blocks as f
),

small as (
    select c.block
    from carried as c
    where c.block in (select s.block from shared as s)
    group by c.block
    having count(*) <= {most}
),

kept as (
    select distinct
        s.left_id,
        s.right_id,
    from shared as s
    semi join small as k on s.block = k.block
)

select
    m.left_id,
    m.right_id,
from living_matches as m
where m.left_id in (select r.listing_id from renewed as r)
    or m.right_id in (select r.listing_id from renewed as r)
union
select
    d.left_id,
    d.right_id,
from doubtful as d
anti join kept as k on d.left_id = k.left_id and d.right_id = k.right_id;
