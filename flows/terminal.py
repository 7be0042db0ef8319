"""What the command line prints: progress, tables, values; plain where there is no terminal."""

import contextlib
import csv
import io
import json
import logging
import math
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flows.report import escaped, remarks, table
from flows.source import Window
from schemas.paper import Run

FORMATS = ("table", "csv", "json", "jsonl", "markdown")
_WIDEST = 60
_log = logging.getLogger("paperlake")


class Progress:
    """Progress bars on a terminal, plain lines elsewhere, nothing when quiet; always on stderr."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._bars: Any = None
        self._tasks: dict[tuple[str, str], Any] = {}
        self._seen: dict[tuple[str, str], list[int]] = {}

    def __enter__(self) -> "Progress":
        if not self._is_quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.description:28}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("responses  {task.fields[records]:>9,} records"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, text: str) -> None:
        """One line of what is going on."""
        if self._is_quiet:
            return
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False)
        else:
            with contextlib.suppress(OSError):  # whoever read along has gone; the run goes on
                print(text, file=sys.stderr, flush=True)

    def planned(self, source: str, list_name: str, window: Window, requests: int) -> None:
        """A harvest begins."""
        self._seen[source, list_name] = [0, 0]
        if self._bars is not None:
            self._tasks[source, list_name] = self._bars.add_task(
                f"{source} {list_name}", total=requests, records=0
            )
            return
        span = f"{window.start}" if window.start == window.end else f"{window.start}..{window.end}"
        self.say(f"{source} {list_name}: {span}, about {requests} requests")

    def received(self, source: str, list_name: str, records: int) -> None:
        """A response was read."""
        seen = self._seen.setdefault((source, list_name), [0, 0])
        seen[0] += 1
        seen[1] += records
        task = self._tasks.get((source, list_name))
        if self._bars is not None and task is not None:
            total = max(self._bars.tasks[task].total or 0, seen[0])
            self._bars.update(task, completed=seen[0], total=total, records=seen[1])

    def finished(self, source: str, list_name: str, problem: str | None) -> None:
        """A harvest ended."""
        responses, records = self._seen.get((source, list_name), [0, 0])
        task = self._tasks.pop((source, list_name), None)
        if self._bars is not None and task is not None:
            self._bars.update(task, total=responses, completed=responses)
            if problem:
                self.say(f"{source} {list_name}: failed: {problem}")
            return
        end = f"failed: {problem}" if problem else "done"
        self.say(f"{source} {list_name}: {responses} responses, {records:,} records, {end}")


class Logged:
    """`--log json`: what is going on goes to the log, an event a line."""

    def __enter__(self) -> "Logged":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def say(self, text: str) -> None:
        """One line of what is going on."""
        _log.info(text)

    def planned(self, source: str, list_name: str, window: Window, requests: int) -> None:
        """A harvest begins."""
        _log.info(f"{source} {list_name}: {window.start}..{window.end}, about {requests} requests")

    def received(self, source: str, list_name: str, records: int) -> None:
        """A response was read."""
        _log.info(f"{source} {list_name}: response with {records} records")

    def finished(self, source: str, list_name: str, problem: str | None) -> None:
        """A harvest ended."""
        if problem:
            _log.error(f"{source} {list_name}: failed: {problem}")
        else:
            _log.info(f"{source} {list_name}: done")


def emit(text: str) -> None:
    """Print to stdout; a reader that went away (`| head`) is no error."""
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = io.TextIOWrapper(io.BytesIO())


def emit_json(value: Any) -> None:
    """Print one JSON document."""
    emit(json.dumps(_finite(value), ensure_ascii=False, indent=2, default=plain))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _distinct(columns: Sequence[str]) -> list[str]:
    """Column names made distinct as DuckDB does it: a, a_1, a_2."""
    seen: dict[str, int] = {}
    names = []
    for column in columns:
        seen[column] = seen.get(column, -1) + 1
        names.append(f"{column}_{seen[column]}" if seen[column] else column)
    return names


def plain(value: Any) -> Any:
    """A value JSON has no form for."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def render(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> str:
    """A result in one of the forms of `paperlake sql`."""
    if form == "json":
        names = _distinct(columns)
        records = [_finite(dict(zip(names, row, strict=True))) for row in rows]
        return json.dumps(records, ensure_ascii=False, indent=2, default=plain) + "\n"
    if form == "jsonl":
        names = _distinct(columns)
        found = (_finite(dict(zip(names, row, strict=True))) for row in rows)
        return "".join(json.dumps(item, ensure_ascii=False, default=plain) + "\n" for item in found)
    if form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_csv_cell(value) for value in row] for row in rows)
        return out.getvalue()
    if form == "markdown":
        cells = [[escaped(_cell(value, None)) for value in row] for row in rows]
        heading = [escaped(column) for column in columns]
        lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(columns)]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells]) + "\n"
    return text_table(columns, [[_cell(value, _WIDEST) for value in row] for row in rows])


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns lined up by blanks, as wide as their contents; numbers to the right."""
    from rich.cells import cell_len

    widths = [
        max(cell_len(column), *(cell_len(row[index]) for row in rows), 0)
        for index, column in enumerate(columns)
    ]
    right = [
        bool(rows)
        and all(row[i].replace(",", "").lstrip("-").isdigit() or not row[i] for row in rows)
        for i in range(len(columns))
    ]

    def line(cells: Sequence[str]) -> str:
        padded = [
            " " * (widths[i] - cell_len(cell)) + cell
            if right[i]
            else cell + " " * (widths[i] - cell_len(cell))
            for i, cell in enumerate(cells)
        ]
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(columns), rule, *(line(row) for row in rows)]) + "\n"


def _cell(value: Any, widest: int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="seconds")
    elif isinstance(value, list | dict):
        flat = isinstance(value, list) and all(isinstance(item, str) for item in value)
        text = ", ".join(value) if flat else json.dumps(value, ensure_ascii=False, default=plain)
    elif isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = str(value)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if widest is None or len(text) <= widest else text[: widest - 1] + "…"


def _csv_cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=plain)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date | bytes):
        return plain(value)
    return value


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
        f"quarantined: {item['n']:,} of {item['source']}: {_cell(item['reason'], 120)} "
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
        lines.append(f"{row['rank']:>4}  {_cell(row['title'], 100)}")
        authors = _cell(row["authors_text"], 90)
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
        title = escaped(_cell(row["title"], None))
        link = row["landing_page_url"]
        facts = [
            escaped(_cell(row["authors_text"], 90)),
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
    lines = [_cell(paper["title"], None), _cell(paper["authors_text"], None), ""]
    skipped = {"title", "authors", "authors_text", "abstract", "title_key"}
    facts = [
        (name, _cell(value, None))
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
        f"snapshot {snapshot} of {_cell(answer['created_at'], None)}"
        if snapshot
        else "no snapshot yet"
    )
    lines = [
        f"lake        {answer['lake']} (origin {answer['origin']})",
        f"newest      {newest}",
        f"content     {answer['content_hash'] or ''}",
        f"written by  {answer['written_by'] or 'nobody at present'}",
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
            f"{_cell(run['since'], None)}, left behind by a kill: nothing runs. To clear it:",
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
        lines += _wrapped(_cell(item["seen"], None), columns, head, indent)
        if item["advice"]:
            lines += _wrapped(_cell(item["advice"], None), columns, f"{indent}-> ", f"{indent}   ")
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


def _table_of(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    return render(columns, [[row.get(name) for name in columns] for row in rows], "table")


class JsonLines(logging.Formatter):
    """`--log json`: one JSON object a line on stderr."""

    def format(self, record: logging.LogRecord) -> str:
        """One log record."""
        facts = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps(facts, ensure_ascii=False)
