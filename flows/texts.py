"""What answers and runs say to a reader, as text for a terminal or as Markdown."""

import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.report import escaped, remarks, table
from flows.terminal import one_line, render, text_table
from schemas.paper import Run
from warehouse.decisions import Decision


def summary_text(run: Run, facts: dict[str, Any], *, lake: Path, again: str | None) -> str:
    """How a run ended, and what to type next."""
    heading, rows = table(run.outcomes)
    lines = []
    if rows:
        lines.append(text_table(heading, rows))
    lines += [*remarks(run), *_quarantine_lines(facts["quarantined"])]
    counts, changed = facts["rows"], facts["changed"]
    if run.snapshot is None:
        lines.append(
            "Nothing changed; no snapshot was needed."
            if run.state == "unchanged"
            else f"Nothing was published ({run.state})."
        )
    else:
        written = ", ".join(
            f"{changed.get(name, 0):,} {name}" for name in ("listings", "metrics", "papers")
        )
        partly = ", but not everything could be had" if run.exit_code == 4 else ""
        lines += [
            f"Snapshot {run.snapshot} is published{partly}: {counts.get('papers', 0):,} papers from "
            f"{counts.get('listings', 0):,} listings.",
            f"Written: {written}; everything else stayed as it was. A listing that several lists "
            "hold is counted once.",
        ]
    if counts.get("papers"):
        lines += [f"Warehouse: {lake / 'warehouse.duckdb'}", "", "Next:"]
        lines += [f"  {text}" for text in _next_steps(facts, lake, again)]
    return "\n".join(lines) + "\n"


def _quarantine_lines(reasons: Sequence[dict[str, Any]]) -> list[str]:
    """The most frequent reasons of a run's quarantine, and where the others are."""
    lines = [
        f"quarantined: {item['n']:,} of {item['source']}: {one_line(item['reason'], 120)} "
        f"(such as {item['example']})"
        for item in reasons[:3]
    ]
    if reasons[3:]:
        rest = sum(item["n"] for item in reasons[3:])
        lines.append(f"quarantined: {rest:,} more for other reasons, see the view quarantine")
    return lines


def _next_steps(facts: dict[str, Any], lake: Path, again: str | None) -> list[str]:
    """Commands that answer now, as they must be typed here."""
    paperlake = "paperlake" if shutil.which("paperlake") else shlex.quote(sys.argv[0])
    option = "" if lake == Path("lake") else f" --lake {shlex.quote(str(lake))}"
    query = "select title, upvotes from papers order by upvotes desc nulls last limit 10"
    steps = [f'{paperlake} sql{option} "{query}"']
    if facts["n_trending"]:
        steps.insert(0, f"{paperlake} trending{option} --limit 10")
    if shutil.which("duckdb"):
        file = shlex.quote(str(lake / "warehouse.duckdb"))
        steps.append(f'duckdb -readonly {file} "from papers limit 5"')
    if again:
        own = "" if lake == Path("lake-demo") else option
        steps.append(f"{paperlake} {again}{own}   # the next night: only what changed")
    return steps


def trending_text(rows: Sequence[dict[str, Any]], limit: int) -> str:
    """The trending list for a terminal, as far as `limit`."""
    first = rows[0]
    shown = f"{limit} of {len(rows)}" if limit < len(rows) else f"{len(rows)}"
    papers = "paper" if shown == "1" else "papers"
    lines = [f"Trending on {first['list_date']} ({first['source']}, {shown} {papers})", ""]
    for row in rows[:limit]:
        lines.append(f"{row['rank']:>4}  {one_line(row['title'], 100)}")
        authors = one_line(row["authors_text"], 90)
        if authors:
            lines.append(f"      {authors}")
        link = row["landing_page_url"] or f"paperlake show {row['paper_id']}"
        facts = [_votes(row), _stars(row), link, row["code_url"]]
        lines.append("      " + "  ".join(str(fact) for fact in facts if fact))
    return "\n".join(lines) + "\n"


def trending_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The trending list as Markdown; what sources say is escaped."""
    lines = [f"# Trending papers, {rows[0]['list_date']}", ""]
    for row in rows:
        title = escaped(one_line(row["title"], None))
        link = row["landing_page_url"]
        facts = [
            escaped(one_line(row["authors_text"], 90)),
            _votes(row),
            _stars(row),
            f"[PDF](<{row['pdf_url']}>)" if row["pdf_url"] else "",
            f"[code](<{row['code_url']}>)" if row["code_url"] else "",
        ]
        head = f"[{title}](<{link}>)" if link else title
        tail = " · ".join(fact for fact in facts if fact)
        lines.append(f"{row['rank']}. **{head}**" + (f" — {tail}" if tail else ""))
    return "\n".join(lines) + "\n"


def _votes(row: dict[str, Any]) -> str:
    if row["upvotes"] is None:
        return ""
    pace = row["upvotes_per_day"]
    return f"{row['upvotes']} upvotes" + (f" ({pace:+.1f} a day)" if pace is not None else "")


def _stars(row: dict[str, Any]) -> str:
    if row["github_stars"] is None:
        return ""
    pace = row["github_stars_per_day"]
    return f"{row['github_stars']} stars" + (f" ({pace:+.1f} a day)" if pace is not None else "")


def paper_text(answer: dict[str, Any]) -> str:
    """One paper for a terminal."""
    paper = answer["paper"]
    lines = [one_line(paper["title"], None), one_line(paper["authors_text"], None), ""]
    skipped = {"title", "authors", "authors_text", "abstract", "title_key"}
    facts = [
        (name, one_line(value, None))
        for name, value in paper.items()
        if name not in skipped and value not in (None, [], "")
    ]
    width = max(len(name) for name, _ in facts)
    lines += [f"{name:<{width}}  {value}" for name, value in facts]
    if paper["abstract"]:
        lines += ["", paper["abstract"]]
    columns = ["listing_id", "relation", "matched_by", "title", "record_format", "fetched_at"]
    lines += ["", f"Listings ({len(answer['listings'])})", _table_of(answer["listings"], columns)]
    relations = [
        {"listing_id": listing["listing_id"], **relation}
        for listing in answer["listings"]
        for relation in listing["relations"] or ()
    ]
    if relations:
        columns = ["listing_id", "type", "scheme", "value"]
        lines += [f"Relations ({len(relations)})", _table_of(relations, columns)]
    if answer["metrics"]:
        numbers = ["rank", "upvotes", "comment_count", "github_stars", "cited_by_count"]
        columns = ["captured_at", "listing_id", "list", "list_date"]
        columns += [
            name for name in numbers if any(row[name] is not None for row in answer["metrics"])
        ]
        lines += [f"Metrics ({len(answer['metrics'])})", _table_of(answer["metrics"], columns)]
    return "\n".join(lines) + "\n"


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
        lines.append(_table_of(answer["last_runs"], columns))
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


def why_text(answer: dict[str, Any]) -> str:
    """Two records side by side, and why they are one paper or are not."""
    left, right = answer["records"]
    rows = [
        [name, *(one_line(record[name], 60) for record in (left, right))]
        for name in left
        if any(record[name] not in (None, [], False) for record in (left, right))
    ]
    lines = [text_table(["", "A", "B"], rows), answer["verdict"]]
    if len(answer["through"]) > 1:
        lines += [
            f"  {step['left_id']} - {step['right_id']}: {', '.join(step['by'])}"
            for step in answer["through"]
        ]
    decision = answer["decision"]
    if decision is not None and answer["is_joined"]:
        lines.append(
            f"{decision['who']} decided on {decision['decided_on']} that they are "
            f"{decision['verdict']}: {one_line(decision['why'], None)}"
        )
    lines.append(answer["comparison"])
    if answer["evidence"]:
        lines += [
            "",
            f"relation  {answer['relation']}",
            f"score     {answer['score']:.2f} (one work from {answer['accepted_from']:g} on)",
            "",
            _evidence_table(answer["evidence"]),
        ]
    return "\n".join(lines) + "\n"


def _evidence_table(evidence: Sequence[dict[str, Any]]) -> str:
    rows = [[f"{item['contribution']:+.2f}", item["name"], item["says"]] for item in evidence]
    return text_table(["adds", "reason", "says"], rows)


_MOST_REASONS = 4


def review_text(rows: Sequence[dict[str, Any]]) -> str:
    """Pairs that are uncertain, each with its strongest reasons and what to type."""
    if not rows:
        return "Nothing is uncertain.\n"
    lines = []
    for row in rows:
        lines += [
            f"{row['state']}, {row['relation']}, score {row['score']:.2f}",
            f"  {row['left_id']}  {one_line(row['left_title'], 90)}",
            f"  {row['right_id']}  {one_line(row['right_title'], 90)}",
        ]
        reasons = [
            f"{item['says']} ({item['contribution']:+.1f})"
            for item in row["evidence"][:_MOST_REASONS]
        ]
        lines.append(f"  {'; '.join(reasons)}")
        lines += [f"  {text} --who NAME --why TEXT" for text in row["decide"].values()]
        lines.append("")
    lines.append("`paperlake why A B` shows both records and every reason.")
    return "\n".join(lines) + "\n"


def decided_text(decision: Decision, path: Path) -> str:
    """What was decided, where it stands, and when it applies."""
    listings = ", ".join(decision.listings)
    return (
        f"{decision.verdict.capitalize()}: {listings}. Written to {path}.\n"
        "The next run applies it, or now: `paperlake regroup`.\n"
    )


def regrouped_text(answer: dict[str, Any]) -> str:
    """What a regrouping changed, for a terminal."""
    run, events = answer["run"], answer["events"]
    lines = [f"warning: {text}" for text in run["warnings"]]
    if run["snapshot"] is None:
        lines.append(
            "Nothing changed; no snapshot was needed."
            if run["state"] == "unchanged"
            else f"Nothing was published ({run['state']})."
        )
        return "\n".join(lines) + "\n"
    counts = ", ".join(f"{n:,} {name}" for name, n in events.items())
    lines.append(f"Snapshot {run['snapshot']} is published; papers: {counts}.")
    if run["kind"] == "model":
        matching = answer["matching"]
        lines.append(f"Model {matching['model']} is made of {matching['n_records']:,} listings.")
    if answer["examples"]:
        columns = ["event", "paper_id", "other_id", "listing_ids", "title"]
        lines += ["", _table_of(answer["examples"], columns)]
        if sum(events.values()) > len(answer["examples"]):
            lines.append(f"All: `from papers_history where snapshot = {run['snapshot']}`")
    return "\n".join(lines) + "\n"


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


def maintain_text(answer: dict[str, Any]) -> str:
    """What maintenance did, or would do, for a terminal."""
    is_dry_run = answer["is_dry_run"]
    columns = ["table", "compaction", "rows", "files", "files_after", "bytes", "bytes_after"]
    columns += ["freed_files", "freed_bytes"]
    lines = []
    if answer["tables"]:
        lines.append(_table_of(answer["tables"], columns))
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


def deduplicated_text(counts: dict[str, int], out: Path, report: Path | None) -> str:
    """What a deduplication of files found."""
    more = [f"{counts['n_bad']:,} records left out"] if counts["n_bad"] else []
    found = ", ".join(
        [
            f"{counts['n_records']:,} records: {counts['n_papers']:,} papers",
            f"{counts['n_editions']:,} editions",
            f"{counts['n_joined_pairs']:,} joined pairs",
            f"{counts['n_undecided_pairs']:,} undecided",
            *more,
        ]
    )
    return f"{found}. Wrote {out}" + (f" and {report}" if report else "") + "\n"


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


def _table_of(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    return render(columns, [[row.get(name) for name in columns] for row in rows], "table")
