-- A listing belongs to one paper: in two, it would be counted twice.
select
    listing_id as what,
    count(*) as n_rows,
from lake.memberships
group by listing_id
having count(*) > 1
limit 100
