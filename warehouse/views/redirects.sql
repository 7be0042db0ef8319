-- Keys of papers that were given up in a merge, and the paper to use instead.
-- Grain: one row per retired paper_id.
-- Key: paper_id
select
    paper_id,
    merged_into,
    night_date,
from lake.redirects
