-- A list says one thing about a listing a night. Two rows mean that the last write did not win.
select
    concat_ws(' ', source, list, list_date, night_date, listing_id) as what,
    count(*) as n_rows,
from lake.metrics
where getvariable('changed_in') is null
    or night_date in (
        select night_date from lake.metrics where changed_in_snapshot = getvariable('changed_in')
    )
group by source, list, list_date, night_date, listing_id
having count(*) > 1
limit 100
