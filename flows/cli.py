"""The command line: thin; the commands are in `flows.commands`, each calls what the flows call.

Exit codes: 0 done, 1 failed, 2 usage or settings, 3 busy, 4 published but a source failed or a day
is lost, 5 blocked by checks.
"""

import sys
from typing import Annotated, NoReturn

import typer

from flows.commands import asking, deciding, files, sandbox, upkeep, writing
from flows.options import JsonOption, LakeOption, LogOption, QuietOption, complain
from schemas.errors import PaperlakeError

app = typer.Typer(
    name="paperlake",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A nightly, queryable warehouse of paper listings.\n\n"
    "Exit codes: 0 done, 1 failed, 2 usage or settings, 3 busy, 4 published but a source failed or "
    "a day is lost, 5 blocked by checks.",
)
# In the order of the help.
for commands in (writing, asking, deciding, files, upkeep):
    app.add_typer(commands.app)
app.add_typer(sandbox.app, name="sandbox")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        from flows.terminal import emit

        emit(f"paperlake {version('paperlake')}")
        raise typer.Exit


@app.callback()
def _before(
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and end.",
        ),
    ] = False,
) -> None:
    del lake, json_, quiet, log, version  # the first four are read by `options.command`


def main() -> None:
    """The console script: one sentence for a user's mistake, never a traceback."""
    try:
        app()
    except PaperlakeError as error:
        _die(str(error), error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _die(f"{where}{error.strerror or error}. Mend that and run it again; nothing is lost.", 1)
    except Exception as error:
        # What Ctrl-C does to a query of DuckDB's.
        if str(error).startswith("Query interrupted"):
            _die("Interrupted. Run it again; nothing is lost.", 130)
        # DuckDB is not imported by every command, so its errors are known by their module.
        if "duckdb" not in type(error).__module__:
            raise
        first = str(error).splitlines()[0]
        _die(f"{first} If a file is damaged or missing, `paperlake check` names it.", 1)


def _die(sentence: str, code: int) -> NoReturn:
    complain(sentence)
    sys.exit(code)


if __name__ == "__main__":
    main()
