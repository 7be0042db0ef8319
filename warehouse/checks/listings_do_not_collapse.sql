-- Listings do not shrink by more than a tenth (and 20) from one snapshot to the next: nothing real
-- does that, a broken parser or a wrong merge does.
with

counts as (
    select
        snapshot,
        n_listings as n_now,
        lag(n_listings) over (order by snapshot) as n_before,
    from lake.snapshots
    order by snapshot desc
    limit 1
)

select
    'snapshot ' || snapshot as what,
    n_before,
    n_now,
from counts
where
    n_before - n_now > 20
    and n_before - n_now > n_before / 10
limit 100
