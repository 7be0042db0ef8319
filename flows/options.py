"""What commands have in common: their options, and how a command is told them.

`command` adds the common options to a command's own, so that they may stand before the command or
after it, and are written once; they reach the function as its parameter `common`, if it has one.
"""

import functools
import inspect
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.settings import Settings, load_settings
from schemas.errors import UsageError


def _lake_option(default: str | None) -> Any:
    shown = f"./{default}" if default else "./lake, or PAPERLAKE_LAKE"
    return Annotated[
        Path | None,
        typer.Option(
            "--lake",
            metavar="DIR",
            help=f"Folder of the lake (default: {shown}).",
            show_default=False,
        ),
    ]


LakeOption: Any = _lake_option(None)
JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress, no summary; errors only.")]
LogOption = Annotated[
    str | None,
    typer.Option(
        "--log", metavar="FORM", help="'json': log as JSON lines on stderr.", show_default=False
    ),
]
NoPrefectOption = Annotated[
    bool, typer.Option("--no-prefect", help="Run without Prefect; the same night, seconds faster.")
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="CHECK",
        help="Publish although this check fails (recorded; may be repeated).",
        show_default=False,
    ),
]
SandboxOption = Annotated[
    str | None,
    typer.Option(
        "--sandbox",
        metavar="URL",
        help="Talk to a sandbox at this address instead of the real sources.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Common:
    """The common options of a call, those before the command and those after it."""

    settings: Settings
    is_json: bool
    is_quiet: bool
    is_logged: bool


# The options of every command, as parameters that stand after its own.
_SHARED = (
    ("json_", JsonOption, False),
    ("quiet", QuietOption, False),
    ("log", LogOption, None),
)


def command(
    app: typer.Typer, name: str | None = None, *, default_lake: str | None = None, **settings: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command that has the common options beside its own.

    Args:
        app: where it belongs.
        name: what it is called, where that is not the function's name.
        default_lake: the lake where --lake is not given.
        settings: passed on to typer.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        given = inspect.signature(function, eval_str=True).parameters.values()
        is_told = any(item.name == "common" for item in given)
        kind = inspect.Parameter.KEYWORD_ONLY
        own = [item.replace(kind=kind) for item in given if item.name != "common"]
        shared = [
            inspect.Parameter(name, kind, default=default, annotation=annotation)
            for name, annotation, default in (("lake", _lake_option(default_lake), None), *_SHARED)
        ]
        context = inspect.Parameter("context", kind, annotation=typer.Context)

        @functools.wraps(function)
        def call(**values: Any) -> None:
            names = ("context", *(item.name for item in shared))
            told = {item: values.pop(item) for item in names}
            common = _common(**told, default_lake=default_lake)
            if is_told:
                values["common"] = common
            function(**values)

        parameters = [context, *own, *shared]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # how typer is told
        call.__annotations__ = {item.name: item.annotation for item in parameters}
        app.command(name, **settings)(call)
        return function

    return register


def _common(
    context: typer.Context,
    lake: Path | None,
    json_: bool,
    quiet: bool,
    log: str | None,
    default_lake: str | None,
) -> Common:
    before = context.find_root().params
    log = log or before.get("log")
    set_up_logging(log)
    lake = lake or before.get("lake")
    settings = load_settings(lake=lake)
    if default_lake is not None and lake is None:
        settings = settings.model_copy(update={"lake": Path(default_lake)})
    return Common(
        settings,
        is_json=json_ or bool(before.get("json_")),
        is_quiet=quiet or bool(before.get("quiet")) or log == "json",
        is_logged=log == "json",
    )


def set_up_logging(form: str | None) -> None:
    """Log to stderr: faults of our own, or with `json` everything, an object a line."""
    if form not in (None, "json"):
        raise UsageError(f"--log {form}: the only form is json.")
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        from flows.progress import JsonLines

        handler.setFormatter(JsonLines())
    logger = logging.getLogger("paperlake")
    logger.handlers = [handler]
    # Without --log, progress and summary tell everything but faults of our own.
    logger.setLevel(logging.INFO if form == "json" else logging.ERROR)
    logger.propagate = False


def checks(names: Sequence[str] | None) -> tuple[str, ...]:
    """The names given with --allow, if there are such checks."""
    if not names:
        return ()
    from warehouse.verify import check_names

    for name in names:
        if name not in check_names():
            raise UsageError(
                f"--allow {name}: there is no such check; there are {', '.join(check_names())}."
            )
    return tuple(names)


def typed_day(text: str, option: str) -> date:
    """A day as it is typed."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: write a day as YYYY-MM-DD.") from None


def typed_moment(text: str, option: str) -> datetime:
    """A time as it is typed, in UTC where it says no zone."""
    try:
        typed = datetime.fromisoformat(text)
        return typed.replace(tzinfo=typed.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text}: write a time as 2026-01-31T06:30:00Z.") from None


def complain(sentence: str) -> None:
    """An error on stderr: a sentence, or with --log json a line of the log."""
    logger = logging.getLogger("paperlake")
    if logger.isEnabledFor(logging.INFO) and not logger.propagate:
        logger.error(sentence)
    else:
        print(f"paperlake: {sentence}", file=sys.stderr)  # noqa: T201 - errors go to stderr
