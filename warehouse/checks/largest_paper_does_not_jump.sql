-- The paper with most listings does not grow by half (and 20 listings) at once: few list a paper, a
-- merge of what does not belong together grows.
with

counts as (
    select
        snapshot,
        n_largest_paper as n_now,
        lag(n_largest_paper) over (order by snapshot) as n_before,
    from lake.snapshots
    order by snapshot desc
    limit 1
)

select
    'snapshot ' || snapshot as what,
    n_before,
    n_now,
from counts
where n_now - n_before > 20 and n_now - n_before > n_before / 2
limit 100
