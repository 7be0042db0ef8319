-- What the changed listings may match: who else is in the blocks they are or were in, and the pairs to
-- compare. A block that grew past {most} loses its pairs, one that shrank gains them, as if
-- all listings had come at once. Needs: fresh_keys, fresh_blocks, touched_blocks, renewed (listings
-- whose stored keys no longer count), holders (stored keys, all that hold touched blocks among them).
create or replace table sharing as
with carried as (
    select
        h.listing_id,
        unnest(h.blocks) as block,
    from holders as h
)

select
    c.listing_id,
    c.block,
    r.listing_id is not null as is_renewed,
from carried as c
semi join touched_blocks as t on c.block = t.block
left join renewed as r on c.listing_id = r.listing_id;

-- Neighbours are numbered after the fresh listings.
create or replace table numbered as
select
    f.listing_id,
    f.number,
    true as is_fresh,
from fresh_keys as f
union all
select
    s.listing_id,
    (select count(*) from fresh_keys) + row_number() over (order by s.listing_id) - 1 as number,
    false as is_fresh,
from (select distinct s.listing_id from sharing as s where not s.is_renewed) as s;

create or replace table populations as
with counted as (
    select
        s.block,
        1 as n_before,
        case when s.is_renewed then 0 else 1 end as n_after,
    from sharing as s
    union all
    select
        f.block,
        0 as n_before,
        1 as n_after,
    from fresh_blocks as f
)

select
    c.block,
    sum(c.n_before) as n_before,
    sum(c.n_after) as n_after,
from counted as c
group by c.block
having sum(c.n_after) > 1 or sum(c.n_before) > 1;

-- Not temporary, as those above: read by a cursor of its own.
create or replace table near as
with members as (
    select
        f.block,
        f.number,
        true as is_fresh,
    from fresh_blocks as f
    union all
    select
        s.block,
        n.number,
        false as is_fresh,
    from sharing as s
    join numbered as n on s.listing_id = n.listing_id
    where not s.is_renewed
),

used as (
    select
        p.block,
        p.n_before > {most} as is_regained,
    from populations as p
    where p.n_after between 2 and {most}
),

grouped as (
    select
        m.block,
        any_value(u.is_regained) as is_regained,
        list(m.number) as numbers,
        list(m.number) filter (m.is_fresh) as fresh_numbers,
    from members as m
    join used as u on m.block = u.block
    group by m.block
),

begun as (
    select
        g.numbers,
        unnest(case when g.is_regained then g.numbers else g.fresh_numbers end) as one,
    from grouped as g
),

paired as (
    select
        b.one,
        unnest(b.numbers) as other,
    from begun as b
)

select distinct
    least(p.one, p.other) as left_number,
    greatest(p.one, p.other) as right_number,
from paired as p
where p.one <> p.other;
