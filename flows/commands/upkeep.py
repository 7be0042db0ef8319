"""Commands for whoever keeps an installation: what is wrong, what columns mean, how nights begin."""

from pathlib import Path
from typing import Annotated

import typer

from flows.options import Common, SandboxOption, command, complain

app = typer.Typer()


@command(app)
def doctor(
    common: Common,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Also read every file and every kept response; takes as long as that."
        ),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask neither the sources nor Prefect.")
    ] = False,
    sandbox: SandboxOption = None,
) -> None:
    """What is wrong here, or will be, and what to do; changes nothing; exit 1 if a problem is found.

    Looks at settings, contact, versions, disk, clock, locks, unfinished runs, snapshots, files,
    leftovers, the warehouse file, Prefect, the sources (one request each) and their circuits, within
    ten seconds.
    """
    from flows.doctor.examination import examine
    from flows.progress import watching
    from flows.running import end_in_time
    from flows.terminal import emit, emit_json
    from flows.texts_of_lakes import findings_text

    with watching(common) as progress:
        found = examine(
            common.settings,
            sandbox_url=sandbox,
            is_offline=offline,
            is_deep=deep,
            say=progress.say,
        )
    code = int(any(item.state == "problem" for item in found))
    if common.is_json:
        emit_json([item.as_dict() for item in found])
    elif not common.is_quiet or code:
        shown = [item for item in found if not common.is_quiet or item.state == "problem"]
        emit(findings_text([item.as_dict() for item in shown]))
    # A name server that does not answer would hold the process far longer.
    end_in_time(code, 0.5)
    raise typer.Exit(code)


@command(app)
def dictionary(
    common: Common,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="File to write.")] = Path(
        "DICTIONARY.md"
    ),
) -> None:
    """Write DICTIONARY.md: every table, view and column, from the schemas and the SQL."""
    from flows.terminal import emit, emit_json
    from warehouse.dictionary import dictionary as made
    from warehouse.files import write_bytes

    write_bytes(to, made().encode())
    if common.is_json:
        emit_json({"path": str(to)})
    elif not common.is_quiet:
        emit(f"Wrote {to}")


@command(app)
def schedule(
    common: Common,
    form: Annotated[str, typer.Option("--print", metavar="FORM", help="cron, systemd or prefect.")],
) -> None:
    """Print what to install so that a night runs by itself: a cron line, systemd units, commands.

    With the settings of this environment, for the lake given; nothing is installed.
    """
    from flows.schedule import CONTACT_PLACEHOLDER, printed
    from flows.settings import secrets_given
    from flows.source import load_sources, setting_names
    from flows.terminal import emit, emit_json

    texts = printed(form, common.settings)
    if common.is_json:
        emit_json(texts)
    else:
        emit("\n".join(texts.values()).rstrip("\n"))
    if common.settings.contact is None:
        complain(
            f"PAPERLAKE_CONTACT is not set: write your mail address or URL where it says "
            f"{CONTACT_PLACEHOLDER}."
        )
    for name in secrets_given(common.settings, setting_names(load_sources())):
        complain(f"{name} is not printed: add it where others cannot read it.")
