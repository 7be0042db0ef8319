-- A retired paper_id leads to one paper: two would make ids ambiguous for ever.
select
    paper_id as what,
    count(*) as n_rows,
from lake.redirects
group by paper_id
having count(*) > 1
limit 100
