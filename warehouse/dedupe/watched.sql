-- What tells of wrong merges without knowing the truth, counted over the whole lake.
-- Grain: one row.
with several as (
    select
        p.paper_id,
        len(list_distinct([
            i.value for i in p.identifiers if i.scheme = 'doi'
        ])) as n_dois,
        len(list_distinct([
            split_part(i.value, '/', 1) for i in p.identifiers if i.scheme = 'doi'
        ])) as n_registrants,
        p.sources,
        p.listings_count,
    from papers_now as p
    where p.listings_count > 1
),

-- A paper lists each source once in `sources`, so only those that have more listings are looked at.
crowded as (
    select s.paper_id
    from several as s
    where s.listings_count > len(s.sources)
        and list_has_any(s.sources, {lists_once})
),

twice as (
    select distinct m.paper_id
    from memberships_now as m
    semi join crowded as c on m.paper_id = c.paper_id
    where list_contains({lists_once}, split_part(m.listing_id, ':', 1))
    group by m.paper_id, split_part(m.listing_id, ':', 1)
    having count(*) > 1
),

waiting as (
    select
        m.left_id,
        m.right_id,
    from matches_now as m
    anti join decisions_now as d on m.left_id = d.left_id and m.right_id = d.right_id
    where m.relation = 'undecided'
),

undecided as (
    select count(*) as n_pairs
    from waiting as w
    join memberships_now as l on w.left_id = l.listing_id
    join memberships_now as r on w.right_id = r.listing_id
    where l.paper_id <> r.paper_id
)

select
    (select u.n_pairs from undecided as u) as n_undecided,
    (select coalesce(max(p.listings_count), 0) from papers_now as p) as n_largest_paper,
    (select count(*) from several as s where s.n_dois > s.n_registrants) as n_papers_of_two_dois,
    (select count(*) from twice) as n_papers_listed_twice,
