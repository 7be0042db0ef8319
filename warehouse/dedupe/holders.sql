-- Which stored listings are in some blocks. The keys of all are looked through, with nothing else to
-- be done for each of them.
-- Grain: one row per listing and block.
with carried as (
    select
        k.listing_id,
        unnest(k.blocks) as block,
    from living_match_keys as k
)

select
    c.listing_id,
    c.block,
from carried as c
semi join {blocks} as b on c.block = b.block
