"""What is said of runs and of papers, as text for a terminal or as Markdown."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.report import escaped, remarks, table
from flows.terminal import one_line, table_of, text_table
from schemas.paper import Run


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
    lines += ["", f"Listings ({len(answer['listings'])})", table_of(answer["listings"], columns)]
    relations = [
        {"listing_id": listing["listing_id"], **relation}
        for listing in answer["listings"]
        for relation in listing["relations"] or ()
    ]
    if relations:
        columns = ["listing_id", "type", "scheme", "value"]
        lines += [f"Relations ({len(relations)})", table_of(relations, columns)]
    if answer["metrics"]:
        numbers = ["rank", "upvotes", "comment_count", "github_stars", "cited_by_count"]
        columns = ["captured_at", "listing_id", "list", "list_date"]
        columns += [
            name for name in numbers if any(row[name] is not None for row in answer["metrics"])
        ]
        lines += [f"Metrics ({len(answer['metrics'])})", table_of(answer["metrics"], columns)]
    return "\n".join(lines) + "\n"


def deduplicated_text(counts: dict[str, int], out: Path, report: Path | None) -> str:
    """What a deduplication of files found."""

    def told(name: str, what: str) -> str:
        return f"{counts[name]:,} {what}" + ("" if counts[name] == 1 else "s")

    more = [f"{counts['n_apart_pairs']:,} kept apart"] if counts["n_apart_pairs"] else []
    more += [told("n_bad", "record") + " left out"] if counts["n_bad"] else []
    found = ", ".join(
        [
            f"{told('n_records', 'record')}: {told('n_papers', 'paper')}",
            told("n_editions", "edition"),
            told("n_joined_pairs", "joined pair"),
            f"{counts['n_undecided_pairs']:,} undecided",
            *more,
        ]
    )
    return f"{found}. Wrote {out}" + (f" and {report}" if report else "") + "\n"
