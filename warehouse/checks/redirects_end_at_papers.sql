-- Every redirect ends at a living paper in one step: whoever kept an old id must arrive.
select
    redirects.paper_id as what,
    redirects.merged_into,
from lake.redirects as redirects
anti join lake.papers as papers on papers.paper_id = redirects.merged_into
limit 100
