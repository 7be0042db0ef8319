-- Records that could not be trusted, with the reason and the response they came from.
-- Grain: one row per response and position in it.
-- Key: response_sha256, position
-- Order: night_date, response_sha256, position
select
    response_sha256,
    position,
    source,
    reason,
    "where",
    excerpt,
    night_date,  -- UTC day of the night that put it aside.
    quarantined_at,
from lake.quarantine
