"""What people decided about listings: a file in the lake that they edit and version.

`decisions.toml` says of listings that they are one paper, or that they are not, who says so, why and
since when. It is honoured in every run, and what it contradicts itself in is refused.
"""

import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from schemas.datasets import LISTINGS
from schemas.errors import SettingsError
from schemas.matching import Decided
from warehouse.files import write_bytes
from warehouse.lake import Writer

NAME = "decisions.toml"
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


def is_listing_id(text: str) -> bool:
    """Whether a text has the form of a listing_id, `source:id`."""
    source, colon, source_id = text.partition(":")
    return bool(colon and source_id) and source.replace("_", "").isalnum() and "//" not in text


def _listing_id(text: str) -> str:
    if not is_listing_id(text):
        raise PydanticCustomError(
            "listing_id",
            "'{text}' is no listing_id, which has the form source:id, such as arxiv:2401.00001; "
            "`paperlake decide` takes other keys and writes it",
            {"text": text},
        )
    return text


class Decision(BaseModel):
    """One table `[[decision]]` of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Literal["together", "apart"]
    """Whether the listings are one paper."""
    listings: Annotated[
        tuple[Annotated[_Text, AfterValidator(_listing_id)], ...],
        Field(min_length=2, max_length=100),
    ]
    """Their listing_ids."""
    who: _Text
    """Who decided."""
    why: _Text
    """Why."""
    when: date
    """When."""

    def pairs(self) -> Iterator[Decided]:
        """What it says of every two of its listings."""
        for left, right in combinations(sorted(set(self.listings)), 2):
            yield Decided(
                left_id=left,
                right_id=right,
                verdict=self.verdict,
                who=self.who,
                why=self.why,
                decided_on=self.when,
            )


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: tuple[Decision, ...] = ()


def read(root: Path) -> list[Decided]:
    """What the lake's file says, pair by pair; nothing where there is no file.

    Raises:
        SettingsError: it cannot be read, or two of its decisions contradict each other.
    """
    path = root / NAME
    return pairs_of(_text_of(path), str(path))


def _text_of(path: Path) -> str:
    """What stands in the file, nothing where there is none; SettingsError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}): mend it or move it away.") from None


def pairs_of(text: str, where: str) -> list[Decided]:
    """The decisions of a text, pair by pair; of several about one pair that agree, the first.

    Raises:
        SettingsError: it is no TOML, misses something, or contradicts itself; says what and where.
    """
    try:
        decisions = _File.model_validate(tomllib.loads(text)).decision
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not TOML: {error}. Mend that line.") from None
    except ValidationError as error:
        raise SettingsError(f"{where}: {problem_of(error)}. Mend that entry.") from None
    found: dict[tuple[str, str], Decided] = {}
    for decision in decisions:
        for pair in decision.pairs():
            found.setdefault((pair.left_id, pair.right_id), pair)
    _refuse_contradictions(decisions, where)
    return list(found.values())


_PROBLEMS = {
    "missing": "is missing",
    "extra_forbidden": "means nothing here; an entry is a table [[decision]] of "
    + ", ".join(Decision.model_fields),
    "too_short": "needs two listings at least",
    "too_long": "holds more than a hundred listings",
    "string_type": "is no text",
    "string_too_short": "is empty",
    "string_too_long": "is longer than a thousand characters",
}


def problem_of(error: ValidationError) -> str:
    """What is wrong with a decision, and in which entry, in a person's words."""
    first = error.errors(include_url=False)[0]
    names = [str(item) for item in first["loc"] if isinstance(item, str)][-1:]
    entry = [f"entry {place + 1}" for place in first["loc"][1:2] if isinstance(place, int)]
    kind = first["type"]
    if kind == "literal_error":
        said = f"is {str(first['input'])[:40]!r}, neither 'together' nor 'apart'"
    elif kind == "tuple_type":
        form = "[[decision]]" if names == ["decision"] else '["...", "..."]'
        said = f"is no list: write {form}"
    elif kind.startswith("date_"):
        said = "is no date such as 2026-12-01"
    elif kind == "listing_id":
        return ", ".join([*entry, first["msg"]])
    else:
        said = _PROBLEMS.get(kind) or f"cannot be used ({first['msg']})"
    return ", ".join([*entry, " ".join([*names, said])])


def unknown(writer: Writer, verdicts: Sequence[Decided]) -> list[str]:
    """The listing_ids in decisions that the lake has not, sorted; they may come yet."""
    named = sorted({item for row in verdicts for item in (row.left_id, row.right_id)})
    if not named:
        return []
    found = writer.db.execute(
        f"select listing_id from ({writer.living(LISTINGS)}) "
        "where listing_id in (select unnest(?))",
        [named],
    ).fetchall()
    return sorted(set(named) - {listing_id for (listing_id,) in found})


def unknown_sentence(listing_ids: Sequence[str]) -> str:
    """A warning that decisions name listings that the lake has not."""
    more = f" and {len(listing_ids) - 3} more" if listing_ids[3:] else ""
    return (
        f"{NAME} names listings that are not in the lake: {', '.join(listing_ids[:3])}{more}. What it "
        "says of them applies when they come; mend it if they are misspelt."
    )


def _refuse_contradictions(decisions: Sequence[Decision], where: str) -> None:
    """Refuse listings that are to be apart and yet, if through others, together."""
    group: dict[str, str] = {}

    def top(item: str) -> str:
        while group.get(item, item) != item:
            item = group[item]
        return item

    for decision in decisions:
        if decision.verdict == "together":
            for item in decision.listings[1:]:
                group[top(item)] = top(decision.listings[0])
    for decision in decisions:
        if decision.verdict == "apart":
            for left, right in combinations(sorted(set(decision.listings)), 2):
                if top(left) == top(right):
                    others = ", ".join(
                        f"{other.who}, {other.when}"
                        for other in decisions
                        if other.verdict == "together" and top(other.listings[0]) == top(left)
                    )
                    raise SettingsError(
                        f"{where} contradicts itself: {left} and {right} are to be apart "
                        f"({decision.who}, {decision.when}), and by other entries together "
                        f"({others}). Remove one of them."
                    )


def add(root: Path, decision: Decision) -> Path:
    """Append a decision to the lake's file; what is there stays as it was written.

    Raises:
        SettingsError: the file is broken, or the decision contradicts it; nothing was written.
    """
    path = root / NAME
    before = _text_of(path)
    text = before + ("\n" if before and not before.endswith("\n\n") else "") + as_toml(decision)
    pairs_of(before, str(path))
    try:
        pairs_of(text, str(path))
    except SettingsError as error:
        raise SettingsError(f"With this decision {error} Nothing was written.") from None
    write_bytes(path, text.encode())
    return path


def as_toml(decision: Decision) -> str:
    """A decision as an entry of the file."""
    listings = ", ".join(_quoted(item) for item in decision.listings)
    return (
        "[[decision]]\n"
        f'verdict = "{decision.verdict}"\n'
        f"listings = [{listings}]\n"
        f"who = {_quoted(decision.who)}\n"
        f"why = {_quoted(decision.why)}\n"
        f"when = {decision.when.isoformat()}\n"
    )


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
    )
