-- Papers that were new when a nightly run first saw them: their first version (submitted_date, else
-- publication_date) is from the 30 days before that night, or later. A revision of an old paper is
-- never new, nor is a back catalogue that was imported or backfilled, nor a paper without any date.
-- Grain: one row per new paper.
-- Key: paper_id
-- Order: first_seen_date, paper_id
select *
from main.papers
where
    first_seen_kind = 'nightly'
    and coalesce(submitted_date, publication_date) >= first_seen_date - 30
