-- Which records share a block, and how many; a small block counts twice. Of a block with too many records
-- each is paired with the few that follow it in the order of titles, so that a paper that is listed very
-- often is found whole; a block that a crowd shares tells nothing, and finer ones (the whole title with a
-- year) remain. Blocks are looked at in parts, since what is listed of each has to stand in memory.
-- Grain: one row per pair, the smaller number on the left, and, of some pairs, one more per part.
with carried as (
    select
        k.number,
        unnest(k.blocks) as block,
    from {keys} as k
),

chosen as (
    select
        c.number,
        c.block,
    from carried as c
    where c.block % {parts} = {part}
),

used as materialized (
    select
        list(c.number) as numbers,
        count(*) as n_numbers,
    from chosen as c
    group by c.block
    having count(*) between 2 and {crowd}
),

lefts as (
    select
        u.numbers,
        u.n_numbers <= {few} as is_small,
        unnest(u.numbers) as left_number,
    from used as u
    where u.n_numbers <= {most}
),

paired as (
    select
        l.left_number,
        l.is_small,
        unnest(l.numbers) as right_number,
    from lefts as l
),

crowded as (
    select
        u.numbers,
        row_number() over () as crowd,
    from used as u
    where u.n_numbers > {most}
),

members as (
    select
        w.crowd,
        unnest(w.numbers) as number,
    from crowded as w
),

followed as (
    select
        m.number,
        unnest([
            lead(m.number, 1) over titles,
            lead(m.number, 2) over titles,
            lead(m.number, 3) over titles,
            lead(m.number, 4) over titles,
        ]) as next_number,
    from members as m
    inner join {keys} as k on k.number = m.number
    window titles as (partition by m.crowd order by k.title, m.number)
)

select
    p.left_number,
    p.right_number,
    count(*) + bool_or(p.is_small)::integer as n_blocks,
from paired as p
where p.left_number < p.right_number
group by p.left_number, p.right_number
union all
select
    least(f.number, f.next_number) as left_number,
    greatest(f.number, f.next_number) as right_number,
    2 as n_blocks,
from followed as f
where f.next_number is not null
