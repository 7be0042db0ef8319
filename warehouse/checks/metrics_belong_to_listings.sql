-- Every metric is about a listing that exists: a list's entries are listings first.
select
    metrics.listing_id as what,
    metrics.source,
    metrics.list,
from lake.metrics as metrics
anti join lake.listings as listings on listings.listing_id = metrics.listing_id
where getvariable('changed_in') is null or changed_in_snapshot = getvariable('changed_in')
limit 100
