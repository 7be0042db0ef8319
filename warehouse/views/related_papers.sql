-- Papers that have to do with each other without being one: an erratum and its article, a reply,
-- part I and part II, a preprint and a paper that a record says it became; and pairs of papers of
-- which it is undecided whether they are one.
-- Grain: one row per pair of papers and relation.
-- Key: paper_id, related_paper_id, relation, basis
with

stated as (
    select
        listings.listing_id,
        unnest(listings.relations) as stated,
    from lake.listings as listings
    where len(listings.relations) > 0
),

-- Only identifiers that a record names: those of all listings are many.
named as (
    select
        listings.listing_id,
        unnest(listings.identifiers) as identifier,
    from lake.listings as listings
    where exists (select 1 from stated)
),

by_record as (
    select
        one.paper_id as paper_id,
        other.paper_id as related_paper_id,
        stated.stated.type as relation,
        true as is_directed,
        'stated' as basis,
        null::double as score,
        stated.listing_id,
        named.listing_id as related_listing_id,
    from stated
    join named
        on named.identifier.scheme = stated.stated.scheme
        and named.identifier.value = stated.stated.value
    join lake.memberships as one on one.listing_id = stated.listing_id
    join lake.memberships as other on other.listing_id = named.listing_id
),

compared as (
    select
        matches.left_id,
        matches.right_id,
        matches.relation,
        matches.score,
        coalesce(one.kind, '') as left_kind,
        coalesce(other.kind, '') as right_kind,
        list_contains([item.name for item in matches.evidence], 'numbers_differ') as is_other_part,
    from lake.matches as matches
    left join lake.match_keys as one on one.listing_id = matches.left_id
    left join lake.match_keys as other on other.listing_id = matches.right_id
    where matches.relation in ('related', 'undecided')
),

-- The notice stands first, then what it is about.
turned as (
    select
        relation,
        score,
        is_other_part,
        (left_kind = '') <> (right_kind = '') as is_notice,
        case when left_kind = '' then right_kind else left_kind end as kind,
        case when left_kind = '' and right_kind <> '' then right_id else left_id end as listing_id,
        case when left_kind = '' and right_kind <> '' then left_id else right_id end
            as related_listing_id,
    from compared
),

by_likeness as (
    select
        turned.listing_id,
        turned.related_listing_id,
        one.paper_id,
        other.paper_id as related_paper_id,
        case
            when turned.relation = 'undecided' then 'undecided'
            when turned.is_notice and turned.kind in ('reply', 'supplement')
                then 'is-' || turned.kind || '-to'
            when turned.is_notice and turned.kind = 'comment' then 'is-comment-on'
            when turned.is_notice then 'is-' || turned.kind || '-of'
            when turned.is_other_part then 'is-other-part-of'
            else 'related'
        end as relation,
        turned.relation = 'related' and turned.is_notice as is_directed,
        turned.score,
    from turned
    join lake.memberships as one on one.listing_id = turned.listing_id
    join lake.memberships as other on other.listing_id = turned.related_listing_id
),

-- What has no direction stands once, the smaller paper_id first.
ordered as (
    select
        case when is_directed then paper_id else least(paper_id, related_paper_id) end as paper_id,
        case when is_directed then related_paper_id else greatest(paper_id, related_paper_id) end
            as related_paper_id,
        relation,
        is_directed,
        'likeness' as basis,
        score,
        case when is_directed or paper_id < related_paper_id then listing_id
            else related_listing_id end as listing_id,
        case when is_directed or paper_id < related_paper_id then related_listing_id
            else listing_id end as related_listing_id,
    from by_likeness
),

found as (
    select * from by_record
    union all by name
    select * from ordered
),

best as (
    select *
    from found
    where paper_id <> related_paper_id
    qualify row_number() over (
        partition by paper_id, related_paper_id, relation, basis
        order by score desc, listing_id, related_listing_id
    ) = 1
)

select
    best.paper_id,
    best.related_paper_id,  -- The other paper.
    best.relation,
    -- How the first stands to the other: is-erratum-of, is-retraction-of, is-reply-to,
    -- is-comment-on, is-protocol-of, is-supplement-to, is-other-part-of, what a record states
    -- (has-preprint, ...), related, or undecided.
    best.is_directed,
    -- Whether the relation goes from the first to the other; else it goes both ways, and the pair
    -- stands once, the smaller paper_id first.
    best.basis,  -- What it is known from: stated (by a record), or likeness (of two records).
    best.score,  -- Score of the likest two listings; null where a record states it.
    best.listing_id,
    best.related_listing_id,  -- The listing of the other paper that this is known from.
    papers.title,
    related.title as related_title,  -- Title of the other paper.
from best
join lake.papers as papers on papers.paper_id = best.paper_id
join lake.papers as related on related.paper_id = best.related_paper_id
