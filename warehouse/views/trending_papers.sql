-- Papers of the latest complete capture of the trending list; earlier ones are in trending_history.
-- Grain: one row per paper of the latest complete capture.
-- Key: paper_id
-- Order: rank, paper_id
select * exclude (is_last_of_day)
from main.trending_history
qualify rank() over (order by list_date desc, night_date desc, captured_at desc, source) = 1
order by rank
