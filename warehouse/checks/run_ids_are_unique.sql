-- A run is one row: taken up again it replaces what was told of it before.
select
    run_id as what,
    count(*) as n_rows,
from lake.runs
group by run_id
having count(*) > 1
limit 100
