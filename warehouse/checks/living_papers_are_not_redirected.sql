-- No living paper is redirected: an id means one paper.
select
    redirects.paper_id as what,
    redirects.merged_into,
from lake.redirects as redirects
semi join lake.papers as papers on papers.paper_id = redirects.paper_id
limit 100
