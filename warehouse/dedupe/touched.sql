-- The blocks that the changed listings are or were in. Needs: fresh_keys, stored_keys (what is stored
-- of listings whose stored keys no longer count).
-- Grain: one row per block, and of fresh_blocks per fresh listing and block.
create or replace temp table fresh_blocks as
select
    f.number,
    unnest(f.blocks) as block,
from fresh_keys as f;

create or replace temp table left_blocks as
select distinct unnest(k.blocks) as block
from stored_keys as k;

create or replace table touched_blocks as
select f.block
from fresh_blocks as f
union
select l.block
from left_blocks as l
