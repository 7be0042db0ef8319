-- Executions: what each did, how it ended, and what became of every source in it.
-- Grain: one row per run.
-- Key: run_id
-- Order: started_at, run_id
select
    run_id,
    kind,
    night_date,
    started_at,
    ended_at,
    state,
    exit_code,
    snapshot,
    outcomes,
    problem,
    overrides,
    warnings,
from lake.runs
