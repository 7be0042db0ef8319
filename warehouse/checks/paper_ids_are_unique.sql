-- A paper is one row. Two mean that a delta did not supersede the row before it.
select
    paper_id as what,
    count(*) as n_rows,
from lake.papers
where getvariable('changed_in') is null
    or paper_id in (
        select paper_id from lake.papers where changed_in_snapshot = getvariable('changed_in')
    )
group by paper_id
having count(*) > 1
limit 100
