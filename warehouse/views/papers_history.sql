-- What became of paper ids, snapshot by snapshot: papers that merged, were split, or were brought
-- back. A paper that was only born or changed in its fields is not here.
-- Grain: one row per snapshot, paper, event and other paper.
-- Key: snapshot, paper_id, event, other_id
select
    events.snapshot,
    snapshots.created_at,
    snapshots.kind,
    events.night_date,
    events.paper_id,  -- The paper whose listings went elsewhere, or that was brought back.
    events.event,
    events.other_id,
    events.listing_ids,
    coalesce(papers.title, others.title) as title,
    -- Title of the paper today; of a paper that was given up, that of the other.
    papers.paper_id is not null as is_living,  -- Whether the first paper_id is in use today.
from lake.paper_events as events
left join lake.snapshots as snapshots on snapshots.snapshot = events.snapshot
left join lake.papers as papers on papers.paper_id = events.paper_id
left join lake.papers as others on others.paper_id = events.other_id
