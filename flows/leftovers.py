"""Flow runs that Prefect still shows as under way although nobody works on the lake.

A process that is killed cannot tell Prefect, which shows its flow run as Running for ever. The lake
knows better: it has noted which flow runs were for it, and its lock tells whether anybody writes.
"""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.prefect_api import ask
from flows.settings import prefect_api_url
from warehouse.files import write_json
from warehouse.snapshots import Lake

# Longer than a run that has given the lake back may still say good-bye to Prefect.
_QUIET_SECONDS = 60.0
_NOTED = 200
_UNDER_WAY = ("RUNNING", "PENDING", "CANCELLING")
_FLOWS = ("nightly", "backfill")


def _notes(lake: Path) -> Path:
    return lake / "state" / "prefect.json"


def note(lake: Path, flow_run_id: str) -> None:
    """Remember that a flow run was for this lake; whoever calls it holds the lake's lock."""
    known = _noted(lake)
    write_json(
        _notes(lake), [*[item for item in known if item != flow_run_id], flow_run_id][-_NOTED:]
    )


def _noted(lake: Path) -> list[str]:
    try:
        found = json.loads(_notes(lake).read_bytes())
    except (FileNotFoundError, ValueError):
        return []
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def prefect_status(lake: Lake) -> dict[str, Any] | None:
    """What the user's own Prefect shows of this lake that is not so; None without a Prefect.

    Returns:
        api_url; problem, where it does not answer; left_behind: flow runs that Prefect shows as
        under way, while the lake's lock has been free for a minute (flow_run_id, name, state,
        since, clear: the command that ends it).
    """
    url = prefect_api_url()
    if url is None:
        return None
    try:
        found = _under_way(url) if _is_quiet(lake) else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {"api_url": url, "problem": str(error), "left_behind": []}
    noted = set(_noted(lake.root))
    return {
        "api_url": url,
        "problem": None,
        "left_behind": [
            _told(run) for run in found if run["id"] in noted or _is_for(lake.root, run)
        ],
    }


def _is_quiet(lake: Lake) -> bool:
    """Whether nobody writes the lake, nor has taken or given back its lock just now."""
    if lake.holder() is not None:
        return False
    with suppress(FileNotFoundError):
        return time.time() - (lake.root / "lock").stat().st_mtime > _QUIET_SECONDS
    return True


def _under_way(url: str) -> list[dict[str, Any]]:
    body = {
        "flows": {"name": {"any_": list(_FLOWS)}},
        "flow_runs": {"state": {"type": {"any_": list(_UNDER_WAY)}}},
        "sort": "START_TIME_DESC",
        "limit": 200,
    }
    found: list[dict[str, Any]] = ask(url, "/flow_runs/filter", body)
    return found


def _is_for(root: Path, run: dict[str, Any]) -> bool:
    """Whether a flow run that never began was for this lake; a relative folder does not say so."""
    told = run.get("parameters", {}).get("lake")
    return isinstance(told, str) and Path(told) == root and _age_seconds(run) > _QUIET_SECONDS


def _age_seconds(run: dict[str, Any]) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(_since(run))).total_seconds()


def _since(run: dict[str, Any]) -> str:
    return str(run.get("start_time") or run["created"])


def _told(run: dict[str, Any]) -> dict[str, Any]:
    state = {"type": "CRASHED", "message": "Its process was killed."}
    data = json.dumps({"force": True, "state": state}, separators=(",", ":"))
    return {
        "flow_run_id": run["id"],
        "name": run["name"],
        "state": run["state_name"],
        "since": datetime.fromisoformat(_since(run)),
        "clear": f"prefect api POST /flow_runs/{run['id']}/set_state --data '{data}'",
    }
