-- The best value of each field: the first that is not null, by the declared precedence of sources.
-- `work_rank` orders listings for what describes the work, `page_rank` for what only a page about it
-- tells; see precedence.py. Of two records of one source the published form comes first. Most papers have one listing, whose values are theirs.
-- Grain: one row per paper.
with sizes as (
    select
        c.component,
        count(*) as listings_count,
    from components as c
    group by c.component
),

alone as (
    select
        r.component,
        {own_columns}
        r.listing_id as best_listing_id,
        r.is_withdrawn,
        r.is_retracted,
        r.is_open_access,
        r.submitted_date,
        r.updated_at,
        r.arxiv_version,
        list_sort(list_distinct(r.identifiers)) as identifiers,
        s.listings_count,
        [r.source] as sources,
        r.first_seen_at,
        r.first_seen_date,
        r.first_seen_kind,
    from ranked as r
    join sizes as s on r.component = s.component
    where s.listings_count = 1
),

joined as (
    select r.*
    from ranked as r
    join sizes as s on r.component = s.component
    where s.listings_count > 1
),

gathered as (
    select
        r.component,
        {best_columns}
        arg_min(r.listing_id, (r.work_rank, not r.is_published, r.listing_id)) as best_listing_id,
        -- A format that cannot say it has no say in it.
        coalesce(
            arg_min(r.is_withdrawn, (r.work_rank, not r.is_published, r.listing_id))
                filter (not list_contains([{silent_on_withdrawal}]::varchar[], r.record_format)),
            false
        ) as is_withdrawn,
        bool_or(r.is_retracted) as is_retracted,
        bool_or(r.is_open_access) as is_open_access,
        min(r.submitted_date) as submitted_date,
        max(r.updated_at) as updated_at,
        max(r.arxiv_version) as arxiv_version,
        list_sort(list_distinct(flatten(list(r.identifiers)))) as identifiers,
        count(*) as listings_count,
        list_sort(list_distinct(list(r.source))) as sources,
        min(r.first_seen_at) as first_seen_at,
        min(r.first_seen_date) as first_seen_date,
        arg_min(r.first_seen_kind, (r.first_seen_date, r.first_seen_at, r.listing_id))
            as first_seen_kind,
    from joined as r
    group by r.component
)

select
    a.paper_id,
    a.birth_listing_id,
    g.* exclude (component),
from (select * from alone union all by name select * from gathered) as g
join assigned as a on g.component = a.component
