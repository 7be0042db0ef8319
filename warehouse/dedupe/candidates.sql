-- Which records share blocks: two of them, or a small one. Of a block with too many records each is paired
-- with the few that follow it in the order of titles, so that a paper that is listed very often is found
-- whole; a block that a crowd shares tells nothing, and finer ones (the whole title with a year) remain.
-- Grain: one row per pair and way of finding it, the smaller number on the left.
with carried as (
    select
        k.number,
        unnest(k.blocks) as block,
    from {keys} as k
),

used as (
    select
        c.block,
        count(*) as n_numbers,
    from carried as c
    group by c.block
    having count(*) between 2 and {crowd}
),

members as materialized (
    select
        c.number,
        c.block,
        u.n_numbers <= {few} as is_small,
        u.n_numbers > {most} as is_crowded,
    from carried as c
    join used as u on c.block = u.block
),

met as (
    select
        l.number as left_number,
        r.number as right_number,
    from members as l
    join members as r on l.block = r.block and l.number < r.number
    where not l.is_crowded
    group by l.number, r.number
    having count(*) > 1 or bool_or(l.is_small)
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
    join {keys} as k on m.number = k.number
    where m.is_crowded
    window titles as (partition by m.block order by k.title, m.number)
)

select
    m.left_number,
    m.right_number,
from met as m
union all
select
    least(f.number, f.next_number) as left_number,
    greatest(f.number, f.next_number) as right_number,
from followed as f
where f.next_number is not null
