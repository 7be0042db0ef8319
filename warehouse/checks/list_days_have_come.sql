-- No list is for a day after the newest night (a day is allowed for nights that pass midnight): no
-- source lists the future, a wrong --date does.
select
    concat_ws(' ', source, list, list_date) as what,
    count(*) as n_rows,
from lake.metrics
where list_date > (select max(night_date) + 1 from lake.snapshots)
group by source, list, list_date
limit 100
