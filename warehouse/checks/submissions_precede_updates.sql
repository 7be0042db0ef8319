-- Of what this snapshot changed in a source, no more than a hundredth (and 20) was updated over a
-- day before it was submitted: a day is time zones, many are two dates taken for each other.
with

changed as (
    select
        source,
        submitted_date > (updated_at at time zone 'UTC')::date + 1 as is_odd,
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
