-- Records as their sources list them, normalized, each with the paper it belongs to. A record that
-- was withdrawn before the lake saw its title belongs to no paper: its paper_id is null.
-- Grain: one row per listing.
-- Key: listing_id
-- Order: publication_date, listing_id
with

moments as (
    select
        listing_id,
        upvotes,
        comment_count,
        github_stars,
        cited_by_count,
        row(captured_at, night_date, list, list_date) as moment,
    from lake.metrics
),

latest_metrics as (
    select
        listing_id,
        arg_max(upvotes, moment) filter (where upvotes is not null) as upvotes,
        arg_max(comment_count, moment) filter (where comment_count is not null) as comment_count,
        arg_max(github_stars, moment) filter (where github_stars is not null) as github_stars,
        arg_max(cited_by_count, moment) filter (where cited_by_count is not null) as cited_by_count,
    from moments
    group by listing_id
)

select
    listings.listing_id,
    listings.source,
    listings.source_id,
    memberships.paper_id,
    memberships.edition_id,
    memberships.relation,
    memberships.matched_by,
    listings.title,
    listings.abstract,
    listings.authors,
    nullif(array_to_string([author.name for author in listings.authors], '; '), '') as authors_text,
    -- Names of all authors in the order of the paper, joined by semicolons.
    listings.authors[1].name as first_author,  -- Name of the first author.
    listings.publication_date,
    year(listings.publication_date) as year,  -- Year of publication_date.
    listings.submitted_date,
    listings.updated_at,
    listings.type,
    listings.venue,
    listings.doi,
    listings.arxiv_id,
    listings.arxiv_version,
    listings.identifiers,
    listings.primary_category,
    listings.categories,
    nullif(array_to_string(listings.categories, ' '), '') as categories_text,
    -- arXiv categories joined by blanks, as arXiv itself prints them.
    listings.keywords,
    listings.language,
    listings.license,
    listings.comments,
    listings.journal_ref,
    listings.report_no,
    listings.is_open_access,
    listings.is_retracted,
    listings.is_withdrawn,
    listings.primary_topic,
    listings.tldr,
    listings.tldr_source,
    listings.organization,
    listings.submitted_by,
    listings.landing_page_url,
    listings.pdf_url,
    listings.code_url,
    listings.code_source,
    listings.project_url,
    listings.thumbnail_url,
    listings.relations,
    listings.raw_title,
    latest_metrics.upvotes,  -- Upvotes on Hugging Face, the latest of this listing.
    latest_metrics.comment_count,  -- Comments on the source's page, the latest of this listing.
    latest_metrics.github_stars,  -- Stars of the code repository, the latest of this listing.
    latest_metrics.cited_by_count,  -- Citations, the latest count that this source gave.
    listings.record_format,
    listings.source_modified_at,
    listings.fetched_at,
    listings.response_sha256,
    listings.parser_version,
    listings.first_seen_at,
    listings.first_seen_date,
    listings.first_seen_kind,
    listings.last_changed_at,
    sha256(coalesce(listings.title, '') || chr(10) || coalesce(listings.abstract, '')) as text_hash,
    -- SHA-256, in hexadecimal, of title, line feed and abstract; a missing one counts as empty.
    listings.title_key,
from lake.listings as listings
left join lake.memberships as memberships on memberships.listing_id = listings.listing_id
left join latest_metrics on latest_metrics.listing_id = listings.listing_id
