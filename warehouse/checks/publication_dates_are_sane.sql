-- Of what this snapshot changed in a source, no more than a hundredth (and 20) was published before
-- 1500, or over 400 days after it was fetched. One odd record is the source's; many are a parser's.
with

changed as (
    select
        source,
        publication_date < date '1500-01-01'
            or publication_date > (fetched_at at time zone 'UTC')::date + 400 as is_odd,
    from lake.listings
    where changed_in_snapshot
        = coalesce(getvariable('changed_in'), (select max(snapshot) from lake.snapshots))
)

select
    source as what,
    count(*) filter (where is_odd) as n_odd,
    count(*) as n_changed,
from changed
group by source
having
    count(*) filter (where is_odd) > 20
    and count(*) filter (where is_odd) > count(*) / 100
limit 100
