-- The one paper behind its listings: the best value of each field, and the latest metrics.
-- Grain: one row per paper.
-- Key: paper_id
-- Order: publication_date, paper_id
with

moments as (
    select
        memberships.paper_id,
        metrics.upvotes,
        metrics.comment_count,
        metrics.github_stars,
        metrics.cited_by_count,
        -- The newest capture wins; what follows only settles ties, always the same way.
        row(
            metrics.captured_at, metrics.night_date, metrics.list, metrics.source,
            metrics.listing_id, metrics.list_date
        ) as moment,
    from lake.metrics as metrics
    inner join lake.memberships as memberships on memberships.listing_id = metrics.listing_id
),

-- Where no metric is asked for, their numbers stay unread; the join itself DuckDB drops only from a
-- bare count (2.0).
latest_metrics as (
    select
        paper_id,
        arg_max(upvotes, moment) filter (where upvotes is not null) as upvotes,
        arg_max(comment_count, moment) filter (where comment_count is not null) as comment_count,
        arg_max(github_stars, moment) filter (where github_stars is not null) as github_stars,
        arg_max(cited_by_count, moment) filter (where cited_by_count is not null) as cited_by_count,
    from moments
    group by paper_id
)

select
    papers.paper_id,
    papers.title,
    papers.abstract,
    papers.authors,
    nullif(array_to_string([author.name for author in papers.authors], '; '), '') as authors_text,
    -- Names of all authors in the order of the paper, joined by semicolons.
    papers.authors[1].name as first_author,  -- Name of the first author.
    papers.publication_date,
    year(papers.publication_date) as year,  -- Year of publication_date.
    papers.submitted_date,
    papers.updated_at,
    papers.type,
    papers.venue,
    papers.doi,
    papers.arxiv_id,
    papers.arxiv_version,
    papers.identifiers,
    papers.primary_category,
    papers.categories,
    nullif(array_to_string(papers.categories, ' '), '') as categories_text,
    -- arXiv categories joined by blanks, as arXiv itself prints them.
    papers.keywords,
    papers.language,
    papers.license,
    papers.comments,
    papers.journal_ref,
    papers.report_no,
    papers.is_open_access,
    papers.is_retracted,
    papers.is_withdrawn,
    papers.primary_topic,
    papers.tldr,
    papers.tldr_source,
    papers.organization,
    papers.submitted_by,
    papers.landing_page_url,
    papers.pdf_url,
    papers.code_url,
    papers.code_source,
    papers.project_url,
    papers.thumbnail_url,
    latest_metrics.upvotes,  -- Upvotes on Hugging Face, the latest known.
    latest_metrics.comment_count,  -- Comments on the source's page, the latest known.
    latest_metrics.github_stars,  -- Stars of the code repository, the latest known.
    latest_metrics.cited_by_count,  -- Citations, the latest count that any source gave.
    papers.listings_count,
    papers.sources,
    papers.first_seen_at,
    papers.first_seen_date,
    papers.first_seen_kind,
    papers.last_changed_at,
    sha256(coalesce(papers.title, '') || chr(10) || coalesce(papers.abstract, '')) as text_hash,
    -- SHA-256, in hexadecimal, of title, line feed and abstract; a missing one counts as empty.
    papers.birth_listing_id,
    papers.best_listing_id,
    papers.title_key,
from lake.papers as papers
left join latest_metrics on latest_metrics.paper_id = papers.paper_id
