-- An arXiv id or a DOI belongs to one paper: listings that share one are joined. Two papers with
-- the same mean that the joining missed a listing, unless a person said that they are apart, or
-- neither titles nor authors agree, so that the identifier was given to one of them by mistake.
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
),

shared as (
    select
        identifier,
        list(distinct paper_id) as paper_ids,
    from named
    where identifier.scheme in ('arxiv', 'doi')
    group by identifier
    having count(distinct paper_id) > 1
),

members as (
    select
        memberships.listing_id,
        memberships.paper_id,
    from lake.memberships as memberships
    where memberships.paper_id in (select unnest(shared.paper_ids) from shared)
),

parted as (
    select
        decisions.left_id,
        decisions.right_id,
    from lake.decisions as decisions
    where decisions.verdict = 'apart'
    union all
    select
        matches.left_id,
        matches.right_id,
    from lake.matches as matches
    where matches.left_id in (select members.listing_id from members)
        and list_contains([item.name for item in matches.evidence], 'identifier_void')
),

excused as (
    select distinct
        least(one.paper_id, other.paper_id) as left_id,
        greatest(one.paper_id, other.paper_id) as right_id,
    from parted
    join members as one on one.listing_id = parted.left_id
    join members as other on other.listing_id = parted.right_id
),

paired as (
    select
        shared.identifier,
        unnest(shared.paper_ids) as left_id,
        shared.paper_ids,
    from shared
),

ordered as (
    select
        identifier,
        left_id,
        unnest(paper_ids) as right_id,
    from paired
)

select
    ordered.identifier.scheme || ':' || ordered.identifier.value as what,
    count(distinct ordered.left_id) + 1 as n_papers,
from ordered
anti join excused
    on ordered.left_id = excused.left_id and ordered.right_id = excused.right_id
where ordered.left_id < ordered.right_id
group by ordered.identifier
limit 100
