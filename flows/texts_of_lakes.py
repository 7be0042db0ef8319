"""What is said of a lake's health and upkeep, as text for a terminal."""

import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

from flows.terminal import one_line, table_of, text_table


def status_text(answer: dict[str, Any]) -> str:
    """The health of a lake for a terminal."""
    snapshot = answer["snapshot"]
    newest = (
        f"snapshot {snapshot} of {one_line(answer['created_at'], None)}"
        if snapshot
        else "no snapshot yet"
    )
    lines = [
        f"lake        {answer['lake']} (origin {answer['origin']})",
        f"newest      {newest}",
        f"content     {answer['content_hash'] or ''}",
        f"written by  {answer['written_by'] or 'nobody at present'}",
        *_matching_lines(answer["matching"]),
    ]
    for kind, state in answer["unfinished"].items() if not answer["written_by"] else ():
        lines.append(f"unfinished  {_unfinished_text(kind, state)}")
    lines += _prefect_lines(answer["prefect"])
    lines += [
        "",
        _disk_text(answer),
    ]
    if answer["last_runs"]:
        columns = ["started_at", "kind", "night_date", "state", "exit_code", "snapshot", "problem"]
        lines.append(table_of(answer["last_runs"], columns))
    return "\n".join(lines) + "\n"


def _matching_lines(matching: dict[str, Any] | None) -> list[str]:
    """How papers are made in a lake: the model, what is undecided, what people decided."""
    if matching is None or matching["model"] is None:
        return []
    model = f"number {matching['model']}, of {matching['n_records']:,} listings"
    if matching["is_model_outgrown"]:
        model += (
            f"; the lake has {matching['n_listings']:,} by now: `paperlake regroup --new-model` "
            "makes it anew"
        )
    undecided = f"{matching['n_undecided']:,} pairs, see `paperlake review`"
    lines = [f"model       {model}"]
    if matching["n_undecided"]:
        lines.append(f"undecided   {undecided}")
    if matching["problem"]:
        lines.append(f"decisions   {matching['problem']}")
    elif matching["n_decisions"] or matching["n_decisions_to_apply"]:
        waiting = matching["n_decisions_to_apply"]
        lines.append(
            f"decisions   about {matching['n_decisions']:,} pairs"
            + (
                f"; {waiting:,} changed since the newest snapshot: the next run applies them, or "
                "`paperlake regroup`"
                if waiting
                else ""
            )
        )
    return lines


def _disk_text(answer: dict[str, Any]) -> str:
    """Disk use: the tables, then what there is beside them."""
    columns = ("base", "delta", "delete", "earlier")
    heading = ["table", "rows", "files", *columns, "share"]
    rows = [
        [
            row["table"],
            f"{row['rows']:,}",
            f"{row['files']:,}",
            *(f"{row[f'{name}_bytes']:,}" for name in columns),
            _percent(row["share"]),
        ]
        for row in answer["tables"]
    ]
    total = answer["total_bytes"] or 1
    lines = [
        "Disk use in bytes; earlier: files that the newest snapshot no longer needs",
        text_table(heading, rows),
        f"responses   {answer['responses_bytes']:,} bytes, {_percent(answer['responses_bytes'] / total)}",
        f"warehouses  {answer['warehouse_bytes']:,} bytes, "
        f"{_percent(answer['warehouse_bytes'] / total)}, of {answer['n_readable_snapshots']} snapshots",
        f"total       {answer['total_bytes']:,} bytes",
        f"garbage     {answer['garbage_bytes']:,} bytes can go now (`paperlake maintain`), "
        f"{answer['waiting_bytes']:,} more once their grace time is over",
    ]
    return "\n".join(lines) + "\n"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _unfinished_text(kind: str, state: dict[str, Any]) -> str:
    if state.get("is_blocked"):
        return f"{kind} of {state['night_date']}, blocked by a check: run it again, or with --allow"
    return (
        f"{kind} of {state['night_date']}, killed or broken off and not running: run it again and "
        "it goes on"
    )


def _prefect_lines(prefect: dict[str, Any] | None) -> list[str]:
    if prefect is None:
        return []
    if prefect["problem"]:
        return [f"prefect     {prefect['api_url']} does not answer ({prefect['problem']})"]
    lines = []
    for run in prefect["left_behind"]:
        lines += [
            f"prefect     shows '{run['name']}' as {run['state']} since "
            f"{one_line(run['since'], None)}, left behind by a kill: nothing runs. To clear it:",
            f"            {run['clear']}",
        ]
    return lines or [f"prefect     {prefect['api_url']} shows nothing that is not so"]


def maintain_text(answer: dict[str, Any]) -> str:
    """What maintenance did, or would do, for a terminal."""
    is_dry_run = answer["is_dry_run"]
    columns = ["table", "compaction", "rows", "files", "files_after", "bytes", "bytes_after"]
    columns += ["freed_files", "freed_bytes"]
    lines = []
    if answer["tables"]:
        lines.append(table_of(answer["tables"], columns))
    if answer["snapshot"]:
        lines.append(f"Compacted as snapshot {answer['snapshot']}; the content is the same.")
    would = "would be " if is_dry_run else ""
    thinned, packs = answer["snapshots_thinned"], answer["responses_removed"]
    if thinned:
        span = f"{thinned[0]}" if len(thinned) == 1 else f"{thinned[0]} to {thinned[-1]}"
        lines.append(f"Thinned, no longer readable: {would}snapshot {span}.")
    if packs:
        size = sum(pack["bytes"] for pack in packs)
        lines.append(f"Responses: {len(packs)} packs {would}removed, {size:,} bytes.")
    if answer["freed_bytes"]:
        files = f"{answer['freed_files']} files of tables and warehouses"
        lines.append(f"Freed: {would}{answer['freed_bytes']:,} bytes, {files}.")
    if not lines:
        lines.append("Nothing is due.")
    if answer["waiting_bytes"]:
        lines.append(
            f"{answer['waiting_bytes']:,} bytes wait until their grace time is over (PAPERLAKE_GRACE_HOURS)."
        )
    return "\n".join(lines) + "\n"


def check_text(answer: dict[str, Any]) -> str:
    """The outcome of every check."""
    lines = [
        f"files and hashes of snapshot {answer['snapshot']} ({answer['n_files']} files): "
        + ("sound" if not answer["findings"] else "DAMAGED")
    ]
    lines += [f"  {item['what']}" for item in answer["findings"]]
    for name, rows in answer["checks"].items():
        lines.append(f"{name}: {'ok' if not rows else 'FAILS'}")
        lines += [f"  {row.get('what', row)}" for row in rows[:5]]
    if answer["findings"]:
        lines.append("Restore these files from a backup, or go back to an earlier snapshot.")
    return "\n".join(lines) + "\n"


def findings_text(findings: Sequence[dict[str, Any]]) -> str:
    """What an examination found, a line a finding, and below it what to do."""
    width = max((len(item["name"]) for item in findings), default=0)
    columns = shutil.get_terminal_size((100, 24)).columns
    indent = " " * (width + 11)
    lines = []
    for item in findings:
        head = f"{item['state']:<7}  {item['name']:<{width}}  "
        lines += _wrapped(one_line(item["seen"], None), columns, head, indent)
        if item["advice"]:
            lines += _wrapped(
                one_line(item["advice"], None), columns, f"{indent}-> ", f"{indent}   "
            )
    counts = [
        f"{n} {state}{'s' if n > 1 else ''}"
        for state in ("problem", "warning", "note")
        if (n := sum(item["state"] == state for item in findings))
    ]
    return "\n".join([*lines, "", ", ".join(counts) or "Everything is well."]) + "\n"


def _wrapped(text: str, columns: int, head: str, indent: str) -> list[str]:
    # Paths and commands stay in one piece, to be copied.
    return textwrap.wrap(
        text,
        max(60, columns),
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
