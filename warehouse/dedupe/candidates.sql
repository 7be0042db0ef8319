-- Which records are compared: those that share a block. A block that too many records share tells
-- nothing and is not used; finer blocks (the whole title with a year or a surname) remain. A pair that
-- shares one block only, and not a small one, is of two works of one field.
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
        count(*) <= {few} as is_small,
    from carried as c
    group by c.block
    having count(*) between 2 and {most}
),

lefts as (
    select
        u.numbers,
        u.is_small,
        unnest(u.numbers) as left_number,
    from used as u
),

paired as (
    select
        l.left_number,
        l.is_small,
        unnest(l.numbers) as right_number,
    from lefts as l
)

select
    p.left_number,
    p.right_number,
from paired as p
where p.left_number < p.right_number
group by p.left_number, p.right_number
having bool_or(p.is_small) or count(*) > 1
