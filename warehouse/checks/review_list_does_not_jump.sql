-- Pairs that wait for a person do not become many more at once (by 100, a tenth, and a tenth of the
-- new papers): a source whose records lost a field does that.
with

counts as (
    select
        snapshot,
        n_undecided as n_now,
        lag(n_undecided) over (order by snapshot) as n_before,
        greatest(n_papers - lag(n_papers) over (order by snapshot), 0) as n_new_papers,
    from lake.snapshots
    order by snapshot desc
    limit 1
)

select
    'snapshot ' || snapshot as what,
    n_before,
    n_now,
from counts
where n_now - n_before > 100 + n_before / 10 + n_new_papers / 10
limit 100
