"""The model of a lake: stored as a small table, read back, and made anew."""

from collections.abc import Iterable, Iterator
from itertools import chain

from schemas.datasets import DEDUPE_MODEL
from schemas.matching import ModelEntry
from warehouse.dedupe.model import Model
from warehouse.lake import Writer, columns

FACT = "model, kind, key, other, value"
"""The columns of a fact, in the order in which `of_facts` takes them."""


def is_there(writer: Writer) -> bool:
    """Whether the lake has a model."""
    return bool(writer.table(DEDUPE_MODEL).data)


def load(writer: Writer) -> Model | None:
    """The lake's model; None before its first."""
    if not is_there(writer):
        return None
    table = columns(writer.db, f"select {FACT} from ({writer.living(DEDUPE_MODEL)})")
    # Tens of thousands, read by every night: so they do not become objects that validate themselves.
    return of_facts(zip(*(column.to_pylist() for column in table.columns), strict=True))


def store(writer: Writer, model: Model) -> None:
    """Make a model the lake's."""
    writer.replace_rows(DEDUPE_MODEL, list(rows(model)))


def of_facts(facts: Iterable[tuple[int, str, str, str, float]]) -> Model:
    """A model from its facts, each with the columns of `FACT`."""
    of: dict[str, dict[str, float]] = {}
    aliases, number = set(), 0
    for number, kind, key, other, value in facts:  # noqa: B007  all have the model's number
        of.setdefault(kind, {})[key] = value
        if kind == "venue_alias":
            aliases.add((key, other))
    return Model(
        number=number,
        n_records=int(of["records"][""]),
        words={word: int(n) for word, n in of.get("word", {}).items()},
        surnames={name: int(n) for name, n in of.get("surname", {}).items()},
        shared_titles=frozenset(of.get("shared_title", ())),
        shared_dois=frozenset(of.get("shared_doi", ())),
        venue_aliases=frozenset(aliases),
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
