-- Authors of papers, in the order of the paper.
-- Grain: one row per paper and author position.
-- Key: paper_id, position
with

positions as (
    select
        paper_id,
        generate_subscripts(authors, 1) as position,
        unnest(authors) as author,
    from lake.papers
)

select
    paper_id,
    position,  -- Place among the authors of the paper, from 1.
    author.name as name,  -- Name in reading order, as printed.
    author.given as given,  -- Given names, where the source tells them apart.
    author.family as family,  -- Family name, where the source tells it apart, with its suffix.
    author.orcid as orcid,  -- ORCID iD, sixteen characters in groups of four.
    author.affiliation as affiliation,  -- Affiliation as the source prints it.
from positions
