"""The model of a lake: stored as a small table, read back, and made anew."""

from collections.abc import Iterator, Sequence
from itertools import chain

from schemas.datasets import DEDUPE_MODEL
from schemas.matching import ModelEntry
from warehouse.dedupe.model import Model
from warehouse.lake import Writer


def load(writer: Writer) -> Model | None:
    """The lake's model; None before its first."""
    if not writer.table(DEDUPE_MODEL).data:
        return None
    return of_rows([ModelEntry(**row) for row in writer.rows(DEDUPE_MODEL)])


def store(writer: Writer, model: Model) -> None:
    """Make a model the lake's."""
    writer.replace_rows(DEDUPE_MODEL, list(rows(model)))


def of_rows(entries: Sequence[ModelEntry]) -> Model:
    """A model from its facts."""
    of: dict[str, dict[str, float]] = {}
    for entry in entries:
        of.setdefault(entry.kind, {})[entry.key] = entry.value
    return Model(
        number=entries[0].model,
        n_records=int(of["records"][""]),
        words={word: int(n) for word, n in of.get("word", {}).items()},
        surnames={name: int(n) for name, n in of.get("surname", {}).items()},
        shared_titles=frozenset(of.get("shared_title", ())),
        shared_dois=frozenset(of.get("shared_doi", ())),
        venue_aliases=frozenset(
            (entry.key, entry.other) for entry in entries if entry.kind == "venue_alias"
        ),
        softened=of.get("softened", {}),
    )


def rows(model: Model) -> Iterator[ModelEntry]:
    """The facts of a model."""

    def told(kind: str, key: str, value: float = 1.0, other: str = "") -> ModelEntry:
        return ModelEntry(model=model.number, kind=kind, key=key, other=other, value=value)

    yield told("records", "", model.n_records)
    yield from chain(
        (told("word", word, n) for word, n in model.words.items()),
        (told("surname", name, n) for name, n in model.surnames.items()),
        (told("shared_title", title) for title in model.shared_titles),
        (told("shared_doi", doi) for doi in model.shared_dois),
        (told("venue_alias", one, other=other) for one, other in model.venue_aliases),
        (told("softened", name, factor) for name, factor in model.softened.items()),
    )
