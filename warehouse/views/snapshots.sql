-- Published states of the lake.
-- Grain: one row per snapshot.
-- Key: snapshot
select
    snapshot,
    created_at,
    content_hash,
    run_id,
    kind,
    night_date,
    n_listings,
    n_metrics,
    n_papers,
    n_memberships,
    n_quarantine,
    n_undecided,
    n_largest_paper,
    n_papers_of_two_dois,
    n_papers_listed_twice,
from lake.snapshots
