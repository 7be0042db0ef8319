-- A listing is one row. Two mean that a delta did not supersede the row before it.
select
    listing_id as what,
    count(*) as n_rows,
from lake.listings
where getvariable('changed_in') is null
    or listing_id in (
        select listing_id from lake.listings where changed_in_snapshot = getvariable('changed_in')
    )
group by listing_id
having count(*) > 1
limit 100
