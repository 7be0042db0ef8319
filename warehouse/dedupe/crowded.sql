-- Which records of a crowded block are compared: each with the few that follow it in the order of
-- titles, so that a paper that is listed very often is found whole. Still larger blocks tell nothing.
-- Grain: one row per pair, the smaller number on the left.
with carried as (
    select
        k.number,
        unnest(k.blocks) as block,
    from {keys} as k
),

crowded as (
    select
        c.block,
        list(c.number) as numbers,
    from carried as c
    group by c.block
    having count(*) between {most} + 1 and {crowd}
),

members as (
    select
        w.block,
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
    window titles as (partition by m.block order by k.title, m.number)
)

select distinct
    least(f.number, f.next_number) as left_number,
    greatest(f.number, f.next_number) as right_number,
from followed as f
where f.next_number is not null
