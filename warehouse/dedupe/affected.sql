-- Listings whose paper may change: those that changed, those that share an identifier or a match with
-- one that changed, and everything that either reaches. No other listing can be affected, because
-- what did not change and shares nothing new was joined, or not, before. Identifiers of the others
-- are compared by their stored numbers, so that no listing is read for it.
create or replace temp table touched as
with carried as (
    select
        m.listing_id,
        unnest(m.link_keys) as link_key,
    from living_memberships as m
)

select f.listing_id
from fresh as f
union
select k.listing_id
from carried as k
where k.link_key >> 3 in (select f.link_key >> 3 from fresh_links as f)
union
select unnest([m.left_id, m.right_id]) as listing_id
from new_matches as m
union
select unnest([m.left_id, m.right_id]) as listing_id
from ended_matches as m
union
select d.listing_id
from decided_anew as d
union
-- Decided upon earlier, when one of the two was not there yet.
select unnest([v.left_id, v.right_id]) as listing_id
from verdicts as v
where v.left_id in (select f.listing_id from fresh as f)
    or v.right_id in (select f.listing_id from fresh as f);

-- What is stored of them, so that the steps that follow need not look through all listings. Older lakes
-- do not say what a listing reaches; there everything is grouped anew, and touched.
-- Grain: one row per affected listing with a paper.
create or replace temp table affected_memberships as
with reached as (
    select distinct coalesce(m.reach_id, m.listing_id) as reach_id
    from living_memberships as m
    semi join touched as t on m.listing_id = t.listing_id
)

select
    m.listing_id,
    m.paper_id,
    m.link_keys,
    m.row_hash,
    m.changed_in_snapshot,
from living_memberships as m
semi join reached as r on coalesce(m.reach_id, m.listing_id) = r.reach_id;

-- Grain: one row per listing.
create or replace temp table affected as
select m.listing_id
from affected_memberships as m
union
select f.listing_id
from fresh as f;
