-- A record is put aside once, however often its response is read.
select
    response_sha256 || ' ' || position as what,
    count(*) as n_rows,
from lake.quarantine
group by response_sha256, position
having count(*) > 1
limit 100
