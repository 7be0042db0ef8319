-- Papers of the daily lists, day by day. Entries whose list day is unknown are only in
-- paper_metrics.
-- Grain: one row per list day and paper.
-- Key: list_date, paper_id
-- Order: list_date, rank, paper_id
with

entries as (
    select
        *,
        row(captured_at, night_date, source, listing_id) as moment,
    from main.paper_metrics
    where
        list = 'daily'
        and list_date is not null
        and paper_id is not null
),

listed as (
    select
        list_date,
        paper_id,
        arg_max(listing_id, moment) as listing_id,
        arg_max(rank, moment) filter (where rank is not null) as rank,
        arg_min(upvotes, moment) filter (where upvotes is not null) as upvotes_then,
        min(captured_at) as first_captured_at,
        max(captured_at) as last_captured_at,
    from entries
    group by list_date, paper_id
)

select
    listed.list_date,  -- Day the list is for (UTC).
    listed.rank,  -- Place in the list, from 1, when it was last captured.
    listed.paper_id,
    listed.listing_id,
    papers.title,
    papers.authors_text,
    papers.upvotes,
    listed.upvotes_then,  -- Upvotes on Hugging Face when the paper was first captured in this list.
    papers.comment_count,
    papers.github_stars,
    papers.publication_date,
    papers.arxiv_id,
    papers.primary_category,
    papers.organization,
    papers.submitted_by,
    papers.tldr,
    coalesce(listings.landing_page_url, papers.landing_page_url) as landing_page_url,
    -- Page about the paper at the source that lists it.
    papers.pdf_url,
    papers.code_url,
    papers.project_url,
    papers.thumbnail_url,
    listed.first_captured_at,  -- When the paper was first captured in this list (UTC).
    listed.last_captured_at,  -- When the paper was last captured in this list (UTC).
from listed
inner join main.papers as papers on papers.paper_id = listed.paper_id
inner join lake.listings as listings on listings.listing_id = listed.listing_id
