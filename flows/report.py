"""How a run is told: lines for the terminal, Markdown for Prefect."""

from collections.abc import Sequence

from schemas.paper import Run, SourceOutcome

_COLUMNS = (
    ("source", "source"),
    ("list", "list"),
    ("state", "state"),
    ("n_responses", "responses"),
    ("n_records", "records"),
    ("n_new", "new"),
    ("n_updated", "updated"),
    ("n_unchanged", "unchanged"),
    ("n_withdrawn", "withdrawn"),
    ("n_quarantined", "quarantined"),
)


def table(outcomes: Sequence[SourceOutcome]) -> tuple[list[str], list[list[str]]]:
    """Heading and rows: what became of each source and list."""
    heading = [title for _, title in _COLUMNS]
    rows = [
        [
            f"{value:,}" if isinstance(value, int) else str(value)
            for value in (getattr(outcome, name) for name, _ in _COLUMNS)
        ]
        for outcome in outcomes
    ]
    return heading, rows


def remarks(run: Run) -> list[str]:
    """What a reader must know beside the counts: problems of lists, silence, warnings."""
    lines = []
    for outcome in run.outcomes:
        name = f"{outcome.source}/{outcome.list}"
        if outcome.problem and outcome.problem not in (run.problem or ""):
            lines.append(f"{name}: {outcome.problem}")
        if outcome.late_days:
            lines.append(
                f"{name}: late: nothing yet for {_days(outcome.late_days)}; asked again next night."
            )
        if outcome.lost_days:
            lines.append(
                f"{name}: lost: nothing was listed for {_days(outcome.lost_days)}; nights do not ask "
                "for them again, `paperlake backfill` does."
            )
    lines += [f"warning: {text}" for text in run.warnings]
    return lines


def markdown(run: Run) -> str:
    """The night's report."""
    heading, rows = table(run.outcomes)
    lines = [
        f"# {run.kind} {run.night_date}: {run.state}",
        "",
        f"Snapshot {run.snapshot}" if run.snapshot else "No snapshot",
        "",
        "| " + " | ".join(heading) + " |",
        "|" + "---|" * len(heading),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        *(
            f"- {escaped(line)}"
            for line in [*([run.problem] if run.problem else []), *remarks(run)]
        ),
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text from outside as Markdown that shows it as it is: no markup, no HTML."""
    for character in "\\`*_~[]<>|#":
        text = text.replace(character, "\\" + character)
    return text


def _days(days: Sequence[object]) -> str:
    shown = ", ".join(str(day) for day in days[:5])
    return shown if len(days) <= 5 else f"{shown} and {len(days) - 5} more days"
