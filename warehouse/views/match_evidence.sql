-- Pairs of listings that were compared and are not simply different: what they were taken for, by
-- which score, and what speaks for and against. Pairs that share no key were never compared, and
-- pairs that are different are not kept; `paperlake why` tells of these as well.
-- Grain: one row per pair of listings.
-- Key: left_id, right_id
-- Order: score, left_id, right_id
select
    matches.left_id,
    matches.right_id,
    one.paper_id as left_paper_id,  -- The paper that the left listing belongs to.
    other.paper_id as right_paper_id,  -- The paper that the right listing belongs to.
    coalesce(one.paper_id = other.paper_id, false) as is_joined,
    -- Whether the two are in one paper, by their likeness or by anything else.
    decisions.verdict as decision,
    -- What a person decided of the two: together or apart; null where nobody did.
    matches.relation,
    -- same (one record), version (another form of the work), related (erratum, reply, other part),
    -- undecided.
    matches.score,
    matches.evidence,
    left_listings.title as left_title,  -- Title of the left listing.
    right_listings.title as right_title,  -- Title of the right listing.
    matches.model,
from lake.matches as matches
left join lake.memberships as one on one.listing_id = matches.left_id
left join lake.memberships as other on other.listing_id = matches.right_id
left join lake.decisions as decisions
    on decisions.left_id = matches.left_id and decisions.right_id = matches.right_id
left join lake.listings as left_listings on left_listings.listing_id = matches.left_id
left join lake.listings as right_listings on right_listings.listing_id = matches.right_id
