"""Commands about what is one paper: why, what is uncertain, what people decide, grouping anew."""

from typing import Annotated

import typer

from flows.options import AllowOption, Common, checks, command, complain

app = typer.Typer()


@command(app)
def why(
    common: Common,
    one: Annotated[
        str,
        typer.Argument(metavar="A", help="A listing_id; or a paper_id, a DOI or an arXiv id."),
    ],
    other: Annotated[str, typer.Argument(metavar="B", help="Another.")],
) -> None:
    """Why two listings are one paper, or are not: both records, and each reason with its weight.

    Also of listings that were never compared. A paper_id stands for the listing that the paper takes
    most from.
    """
    from flows.explaining import why as explained
    from flows.terminal import emit, emit_json
    from flows.texts_of_matches import why_text
    from warehouse.snapshots import Lake

    answer = explained(Lake(common.settings.lake), one, other)
    if common.is_json:
        emit_json(answer)
    else:
        emit(why_text(answer))


@command(app)
def review(
    common: Common,
    limit: Annotated[int, typer.Option(min=1, help="How many pairs at the most.")] = 20,
) -> None:
    """Pairs of which it is least certain whether they are one paper, and what to type to decide.

    Undecided ones, those barely joined, and those alike enough that something else keeps apart.
    """
    from flows.explaining import review as reviewed
    from flows.terminal import emit, emit_json
    from flows.texts_of_matches import review_text
    from warehouse.snapshots import Lake

    rows = reviewed(Lake(common.settings.lake), limit)
    if common.is_json:
        emit_json(rows)
    else:
        emit(review_text(rows))


@command(app)
def decide(
    common: Common,
    verdict: Annotated[str, typer.Argument(metavar="VERDICT", help="together or apart.")],
    listings: Annotated[
        list[str], typer.Argument(metavar="A B...", help="Their listing_ids, two or more.")
    ],
    who: Annotated[str, typer.Option("--who", metavar="NAME", help="Who decides.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why.")],
) -> None:
    """Say that listings are one paper, or that they are not; written into the lake's decisions.toml.

    The file is yours: edit it, keep it under version control. The next run applies it, or
    `paperlake regroup` does now. Removing an entry undoes it.
    """
    from flows.deciding import decide as decided
    from flows.terminal import emit, emit_json
    from flows.texts_of_matches import decided_text
    from warehouse.decisions import unknown_sentence
    from warehouse.snapshots import Lake

    done = decided(Lake(common.settings.lake), verdict, listings, who=who, why=why)
    if done.unknown:
        complain(unknown_sentence(done.unknown))
    if common.is_json:
        emit_json(
            {
                "path": str(done.path),
                "decision": done.decision.model_dump(mode="json"),
                "unknown": list(done.unknown),
            }
        )
    elif not common.is_quiet:
        emit(decided_text(done.decision, done.path))


@command(app)
def regroup(
    common: Common,
    new_model: Annotated[
        bool,
        typer.Option(
            "--new-model", help="Learn anew from all listings, and compare them all again."
        ),
    ] = False,
    allow: AllowOption = None,
) -> None:
    """Apply decisions now instead of with the next run; what changed is told.

    One snapshot of kind `regroup`, or none if nothing changed. With --new-model, of kind `model`: what
    is rare, which venues are one and which fields cannot be trusted is learnt anew, as it should be
    once a lake has more than doubled.
    """
    from flows.progress import watching
    from flows.regrouping import regroup as regrouped
    from flows.regrouping import told
    from flows.terminal import emit, emit_json
    from flows.texts_of_matches import regrouped_text
    from warehouse.snapshots import Lake

    with watching(common) as progress:
        run = regrouped(
            common.settings, with_new_model=new_model, overrides=checks(allow), report=progress
        )
    answer = told(Lake(common.settings.lake), run)
    if common.is_json:
        emit_json(answer)
    elif not common.is_quiet:
        emit(regrouped_text(answer))
    if run.problem:
        complain(run.problem)
    raise typer.Exit(run.exit_code)
