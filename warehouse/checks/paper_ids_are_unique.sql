-- A paper is one row. Two mean that a delta did not supersede the row before it.
select
    paper_id as what,
    count(*) as n_rows,
from lake.papers
group by paper_id
having count(*) > 1
limit 100
