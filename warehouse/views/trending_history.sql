-- Papers of every complete capture of the trending list, with their numbers as they were then.
-- Grain: one row per trending capture (source, list day, night) and paper.
-- Key: source, list_date, night_date, paper_id
-- Order: list_date, night_date, source, rank, paper_id
with

entries as (
    select
        source,
        list,
        coalesce(list_date, night_date) as list_date,
        night_date,
        listing_id,
        paper_id,
        rank,
        upvotes,
        github_stars,
        captured_at,
        row(night_date, list, source, listing_id) as tie,
    from main.paper_metrics
    where paper_id is not null
),

-- All rows of one capture carry one captured_at. A second capture in a night replaces the entries
-- it meets again; the others keep their older captured_at, and are not of the list any more.
captured as (
    select
        *,
        max(captured_at) over (partition by source, list_date, night_date) as complete_at,
    from entries
    where list = 'trending'
    qualify captured_at = complete_at
),

listed as (
    select
        source,
        list_date,
        night_date,
        complete_at,
        paper_id,
        min(rank) as rank,
        arg_min(listing_id, row(rank, listing_id)) as listing_id,
    from captured
    group by source, list_date, night_date, complete_at, paper_id
),

stays as (
    select
        *,
        dense_rank() over (partition by paper_id order by list_date) as days_on_list,
        min(list_date) over (partition by paper_id) as first_listed_date,
        rank() over (
            partition by list_date
            order by night_date desc, complete_at desc, source
        ) = 1 as is_last_of_day,
    from listed
),

-- Windows, not asof joins: those compare every row with every row where DuckDB takes one side for
-- small, and of files that are read by field id it does not know how large they are.
moments as (
    select
        paper_id,
        captured_at,
        arg_max(upvotes, tie) filter (where upvotes is not null) as upvotes,
        arg_max(github_stars, tie) filter (where github_stars is not null) as github_stars,
    from entries
    where paper_id in (select listed.paper_id from listed)
    group by paper_id, captured_at
),

changes as (
    select
        *,
        (upvotes - last_value(upvotes ignore nulls) over a_day_before)
            / ((epoch_us(captured_at) - last_value(
                case when upvotes is not null then epoch_us(captured_at) end ignore nulls
            ) over a_day_before) / 86400e6)
            as upvotes_per_day,
        (github_stars - last_value(github_stars ignore nulls) over a_day_before)
            / ((epoch_us(captured_at) - last_value(
                case when github_stars is not null then epoch_us(captured_at) end ignore nulls
            ) over a_day_before) / 86400e6)
            as github_stars_per_day,
    from moments
    window a_day_before as (
        partition by paper_id
        order by captured_at
        range between unbounded preceding and interval 24 hours preceding
    )
),

-- Where a capture gave no number, the last one known, and its change, stand in.
known as (
    select
        paper_id,
        captured_at,
        last_value(upvotes ignore nulls) over so_far as upvotes,
        last_value(upvotes_per_day ignore nulls) over so_far as upvotes_per_day,
        last_value(github_stars ignore nulls) over so_far as github_stars,
        last_value(github_stars_per_day ignore nulls) over so_far as github_stars_per_day,
    from changes
    window so_far as (
        partition by paper_id
        order by captured_at
        rows between unbounded preceding and current row
    )
),

numbered as (
    select
        stays.*,
        known.upvotes,
        known.upvotes_per_day,
        known.github_stars,
        known.github_stars_per_day,
    from stays
    inner join known
        on
            known.paper_id = stays.paper_id
            and known.captured_at = stays.complete_at
)

select
    numbered.list_date,  -- Day the list is for (UTC); the night where the source did not say.
    numbered.rank,
    numbered.paper_id,
    numbered.listing_id,
    papers.title,
    papers.authors_text,
    numbered.upvotes,
    -- Upvotes on Hugging Face at the capture; the last known before it if it gave none.
    numbered.upvotes_per_day,
    -- Change of upvotes since the newest capture at least 24 hours earlier, divided by the days
    -- between; null without one.
    numbered.github_stars,
    -- Stars of the code repository at the capture; the last known before it if it gave none.
    numbered.github_stars_per_day,
    -- Change of github_stars since the newest capture at least 24 hours earlier, divided by the
    -- days between; null without one.
    numbered.days_on_list,  -- Number of list days up to this one on which the paper was trending.
    numbered.first_listed_date,  -- First day on which the paper was trending.
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
    numbered.source,
    numbered.night_date,  -- UTC day of the night or of the captured file.
    numbered.complete_at as captured_at,  -- When the capture was complete (UTC).
    numbered.is_last_of_day,  -- Whether no later capture of the same list day is known.
from numbered
inner join main.papers as papers on papers.paper_id = numbered.paper_id
inner join lake.listings as listings on listings.listing_id = numbered.listing_id
