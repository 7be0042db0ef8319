-- Sources as configured, and how far each of their lists is harvested.
-- Grain: one row per source and list.
-- Key: source, list
select
    source,
    list,
    title,
    homepage,
    data_license,
    watermark,
    last_success_date,
from lake.sources
