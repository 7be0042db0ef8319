-- What lists said at every capture, with the paper each entry belongs to.
-- Grain: one row per source, list, list day, night and listing.
-- Key: source, list, list_date, night_date, listing_id
-- Order: night_date, source, list, list_date, rank, listing_id
select
    metrics.source,
    metrics.list,
    metrics.list_date,
    metrics.night_date,
    metrics.listing_id,
    memberships.paper_id,
    metrics.rank,
    metrics.upvotes,
    metrics.comment_count,
    metrics.github_stars,
    metrics.cited_by_count,
    metrics.captured_at,
    metrics.response_sha256,
from lake.metrics as metrics
left join lake.memberships as memberships on memberships.listing_id = metrics.listing_id
