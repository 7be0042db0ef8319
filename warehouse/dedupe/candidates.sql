-- Which records are compared: those that share a block. A block that too many records share tells
-- nothing and is not used; finer blocks (the whole title with a year or a surname) remain.
-- Grain: one row per pair, the smaller number on the left.
with carried as (
    select
        k.number,
        unnest(k.blocks) as block,
    from {keys} as k
),

used as (
    select
        c.block,
        list(c.number) as numbers,
    from carried as c
    group by c.block
    having count(*) between 2 and {most}
),

lefts as (
    select
        u.numbers,
        unnest(u.numbers) as left_number,
    from used as u
),

paired as (
    select
        l.left_number,
        unnest(l.numbers) as right_number,
    from lefts as l
)

select distinct
    p.left_number,
    p.right_number,
from paired as p
where p.left_number < p.right_number
