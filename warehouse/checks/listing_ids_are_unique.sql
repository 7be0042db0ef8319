-- A listing is one row. Two mean that a delta did not supersede the row before it.
select
    listing_id as what,
    count(*) as n_rows,
from lake.listings
group by listing_id
having count(*) > 1
limit 100
