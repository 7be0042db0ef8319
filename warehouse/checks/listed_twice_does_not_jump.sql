-- Papers with two listings of a source that lists a paper only once do not become many more at once
-- (by 20, a tenth, and a twentieth of the new papers): a wrong merge does that.
with

counts as (
    select
        snapshot,
        n_papers_listed_twice as n_now,
        lag(n_papers_listed_twice) over (order by snapshot) as n_before,
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
where n_now - n_before > 20 + n_before / 10 + n_new_papers / 20
limit 100
