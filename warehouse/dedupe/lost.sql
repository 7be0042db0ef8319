-- Of the doubtful matches those that share no block any more that is small enough to be used.
-- Grain: one row per pair.
create or replace temp table shared_blocks as
select
    d.left_id,
    d.right_id,
    unnest(list_intersect(l.blocks, r.blocks)) as block,
from doubtful as d
join living_match_keys as l on d.left_id = l.listing_id
join living_match_keys as r on d.right_id = r.listing_id;

-- Sizes now, also of blocks that the change did not touch.
create or replace temp table holders as
{holders};

create or replace temp table lost as
with held as (
    select h.block
    from holders as h
    anti join renewed as r on h.listing_id = r.listing_id
    union all
    select f.block
    from fresh_blocks as f
    semi join shared_blocks as s on f.block = s.block
),

small as (
    select h.block
    from held as h
    group by h.block
    having count(*) <= {most}
),

kept as (
    select distinct
        s.left_id,
        s.right_id,
    from shared_blocks as s
    semi join small as k on s.block = k.block
)

select
    d.left_id,
    d.right_id,
from doubtful as d
anti join kept as k on d.left_id = k.left_id and d.right_id = k.right_id;
