-- Of the doubtful matches those that share no block any more that is small enough to be used. The
-- touched blocks that they share are too large; others are as large as they were. All ends of these
-- matches are holders of touched blocks.
-- Grain: one row per pair.
create or replace temp table doubtful_blocks as
with ends as (
    select unnest([d.left_id, d.right_id]) as listing_id
    from doubtful as d
),

carried as (
    select
        k.listing_id,
        unnest(k.blocks) as block,
    from holders as k
    semi join ends as e on k.listing_id = e.listing_id
)

select
    c.listing_id,
    c.block,
from carried as c
anti join touched_blocks as t on c.block = t.block;

create or replace temp table shared_blocks as
select
    d.left_id,
    d.right_id,
    l.block,
from doubtful as d
join doubtful_blocks as l on d.left_id = l.listing_id
join doubtful_blocks as r on d.right_id = r.listing_id and l.block = r.block;

create or replace temp table lost as
with carried as (
    select unnest(k.blocks) as block
    from living_match_keys as k
),

small as (
    select c.block
    from carried as c
    semi join shared_blocks as s on c.block = s.block
    group by c.block
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
anti join kept as k on d.left_id = k.left_id and d.right_id = k.right_id
