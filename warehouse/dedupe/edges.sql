-- What may join the affected listings, two by two: shared identifiers, matches, decisions. Where very
-- many share an identifier, each is joined to the first of them.
-- Grain: one row per pair and kind.
create or replace temp table edges as
with sharers as (
    select
        k.identifier,
        list_sort(list(distinct k.listing_id)) as listing_ids,
    from links as k
    where k.identifier is not null
    group by k.identifier
    having count(distinct k.listing_id) > 1
),

starts as (
    select
        s.listing_ids,
        unnest(case when len(s.listing_ids) <= 20 then s.listing_ids else s.listing_ids[:1] end)
            as left_id,
    from sharers as s
),

linked as (
    select
        s.left_id,
        unnest(s.listing_ids) as right_id,
    from starts as s
),

forms as (
    select
        r.listing_id,
        coalesce(r.type not in ({preprints}), false) as is_published,
    from (select * from fresh union all by name select * from siblings) as r
),

remembered as (
    select
        m.left_id,
        m.right_id,
        m.relation,
        m.score,
    from living_matches as m
    semi join affected as a on m.left_id = a.listing_id
    semi join affected as b on m.right_id = b.listing_id
),

likenesses as (
    select
        n.left_id,
        n.right_id,
        n.relation,
        n.score,
    from new_matches as n
    union all
    select r.*
    from remembered as r
    anti join new_matches as n on r.left_id = n.left_id and r.right_id = n.right_id
    anti join ended_matches as e on r.left_id = e.left_id and r.right_id = e.right_id
)

select distinct
    l.left_id,
    l.right_id,
    'link' as kind,
    case when a.is_published = b.is_published then 'same' else 'version' end as relation,
    100.0::double as strength,
from linked as l
join forms as a on l.left_id = a.listing_id
join forms as b on l.right_id = b.listing_id
where l.left_id < l.right_id
union all
select
    m.left_id,
    m.right_id,
    'likeness' as kind,
    m.relation,
    m.score as strength,
from likenesses as m
where m.relation in ('same', 'version')
union all
select
    d.left_id,
    d.right_id,
    'decision' as kind,
    'same' as relation,
    1000.0::double as strength,
from verdicts as d
semi join affected as a on d.left_id = a.listing_id
semi join affected as b on d.right_id = b.listing_id
anti join untitled as u on d.left_id = u.listing_id
anti join untitled as v on d.right_id = v.listing_id
where d.verdict = 'together'
