"""Commands of the sandbox, the loopback internet that demo and tests run against."""

from typing import Annotated

import typer

from flows.options import Common, command

app = typer.Typer(
    no_args_is_help=True, help="The loopback internet that demo and tests run against."
)
SeedOption = Annotated[int, typer.Option(help="Which universe.")]
PapersOption = Annotated[int, typer.Option(min=300, max=100_000, help="Papers in the universe.")]
NightOption = Annotated[int, typer.Option(min=0, max=400, help="Which night, from 0.")]


@command(app, "serve")
def sandbox_serve(
    common: Common,
    seed: SeedOption = 1,
    papers: PapersOption = 5000,
    night: NightOption = 0,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 8765,
) -> None:
    """Serve the sandbox on 127.0.0.1 until interrupted."""
    import time

    from flows.sandbox.server import run_in_thread
    from flows.sandbox.universe import Universe
    from flows.terminal import emit, emit_json

    with run_in_thread(Universe(seed, papers), night, port) as url:
        if common.is_json:
            emit_json({"url": url, "night": night})
        elif not common.is_quiet:
            emit(
                f"The sandbox listens on {url} (night {night}; other nights below {url}/night/N).\n"
                f"Try: paperlake nightly --sandbox {url} --lake lake-sandbox\nEnd it with Ctrl-C."
            )
        while True:
            time.sleep(3600)


@command(app, "truth")
def sandbox_truth(
    seed: SeedOption = 1,
    papers: PapersOption = 5000,
    night: NightOption = 0,
) -> None:
    """What a lake must hold after nights 0 to NIGHT, as JSON lines."""
    from flows.sandbox.truth import as_json_lines
    from flows.sandbox.universe import Universe
    from flows.terminal import emit

    for line in as_json_lines(Universe(seed, papers), night):
        emit(line)
