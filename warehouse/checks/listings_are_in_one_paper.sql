-- A listing belongs to one paper: in two, it would be counted twice.
select
    listing_id as what,
    count(*) as n_rows,
from lake.memberships
where getvariable('changed_in') is null
    or listing_id in (
        select listing_id
        from lake.memberships
        where changed_in_snapshot = getvariable('changed_in')
    )
group by listing_id
having count(*) > 1
limit 100
