-- An arXiv id or a DOI belongs to one paper: listings that share one are joined. Two papers with
-- the same mean that the joining missed a listing.
with

changed as (
    select unnest(papers.identifiers) as identifier,
    from lake.papers as papers
    where papers.changed_in_snapshot = getvariable('changed_in')
),

-- Of papers that did not change, the identifiers that columns of their own hold are enough.
columns as (
    select paper_id, 'arxiv' as scheme, arxiv_id as value,
    from lake.papers
    where getvariable('changed_in') is not null and arxiv_id is not null
    union all
    select paper_id, 'doi' as scheme, doi as value,
    from lake.papers
    where getvariable('changed_in') is not null and doi is not null
),

named as (
    select
        papers.paper_id,
        unnest(papers.identifiers) as identifier,
    from lake.papers as papers
    where getvariable('changed_in') is null
        or papers.changed_in_snapshot = getvariable('changed_in')
    union all
    select
        columns.paper_id,
        struct_pack(scheme := columns.scheme, value := columns.value) as identifier,
    from columns
    where columns.value in (select identifier.value from changed)
)

select
    identifier.scheme || ':' || identifier.value as what,
    count(distinct paper_id) as n_papers,
from named
where identifier.scheme in ('arxiv', 'doi')
group by identifier
having count(distinct paper_id) > 1
limit 100
