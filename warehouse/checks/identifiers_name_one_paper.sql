-- An arXiv id or a DOI belongs to one paper: listings that share one are joined. Two papers with
-- the same mean that the joining missed a listing.
with

named as (
    select
        papers.paper_id,
        unnest(papers.identifiers) as identifier,
    from lake.papers as papers
)

select
    identifier.scheme || ':' || identifier.value as what,
    count(distinct paper_id) as n_papers,
from named
where identifier.scheme in ('arxiv', 'doi')
group by identifier
having count(distinct paper_id) > 1
limit 100
