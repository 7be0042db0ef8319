"""Records are validated in batches, fields nobody knows are dropped once told, the rest is explained."""

import json
from typing import Annotated, Any, NotRequired

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from flows.source import Format, Raw
from flows.validate import BATCH, validate

STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(STRICT)
class Person(TypedDict):
    name: str


@with_config(STRICT)
class Thing(TypedDict):
    id: str
    title: NotRequired[str | None]
    upvotes: NotRequired[int]
    people: NotRequired[list[Person]]


@with_config(STRICT)
class Short(TypedDict):
    title: Annotated[str, Field(max_length=10)]


FORMATS = {
    "thing": Format("thing", Thing),
    "person": Format("person", Person),
}


def raws(*data: Any, format_name: str = "thing") -> list[Raw]:
    """Records as a parser hands them over."""
    return [Raw(format_name, n, item, where=f"[{n}]") for n, item in enumerate(data)]


def test_sound_records_come_back_beside_what_they_were_made_of() -> None:
    """Every sound record is returned with its raw record, in order."""
    given_raws = raws({"id": "a"}, {"id": "b", "upvotes": 3})
    sound, problems, warnings = validate(given_raws, FORMATS, set())
    assert [(raw.position, record) for raw, record in sound] == [
        (0, {"id": "a"}),
        (1, {"id": "b", "upvotes": 3}),
    ]
    assert problems == []
    assert warnings == []


def test_an_unknown_field_is_dropped_and_told_once() -> None:
    """A field nobody declared is dropped wherever it lies, told once, and known from then on."""
    extras: set[str] = set()
    data = {"id": "a", "new": 1, "people": [{"name": "x"}, {"name": "y", "rank": 2}]}
    sound, problems, warnings = validate(raws(data, data), FORMATS, extras)
    assert [record for _, record in sound] == [
        {"id": "a", "people": [{"name": "x"}, {"name": "y"}]}
    ] * 2
    assert problems == []
    assert warnings == ["unknown field new ignored", "unknown field people[*].rank ignored"]
    assert data["new"] == 1, "what was parsed stays as it was"
    assert validate(raws(data), FORMATS, extras)[2] == []


def test_an_unknown_field_of_one_format_is_not_dropped_from_another() -> None:
    """What is unknown in one format may be a field of another."""
    extras: set[str] = set()
    mixed = [Raw("person", 0, {"name": "x", "id": "q"}), Raw("thing", 1, {"id": "a"})]
    sound, problems, _ = validate(mixed, FORMATS, extras)
    assert [record for _, record in sound] == [{"name": "x"}, {"id": "a"}]
    sound, problems, _ = validate(mixed, FORMATS, extras)
    assert [record for _, record in sound] == [{"name": "x"}, {"id": "a"}]
    assert problems == []


def test_reasons_name_the_field_and_what_was_found() -> None:
    """A problem says which field is wrong, what it should be, and what it was."""
    sound, problems, _ = validate(
        raws(
            {"id": "a", "upvotes": "12"},
            {"title": "no id"},
            {"id": "b", "people": [{"name": "x"}, {"name": 5}]},
            {"id": "c", "upvotes": 1.5},
            {"id": "d", "people": {}},
            {"id": None},
            ["not", "an", "object"],
        ),
        FORMATS,
        set(),
    )
    assert sound == []
    assert [problem.reason for problem in problems] == [
        "upvotes: should be an integer, got a string",
        "id: is missing",
        "people[1].name: should be text, got a number",
        "upvotes: should be an integer, got a decimal number",
        "people: should be a list, got an object",
        "id: should be text, got null",
        "should be an object, got a list",
    ]
    assert problems[2].where == "[2].people[1].name"
    assert problems[0].excerpt == "12"
    assert [problem.position for problem in problems] == list(range(7))


def test_a_huge_value_is_explained_in_few_words() -> None:
    """A value far too long is put aside with a short reason and a bounded excerpt."""
    formats = {"short": Format("short", Short)}
    huge = "x" * 1_000_000
    _, (problem,), _ = validate(raws({"title": huge}, format_name="short"), formats, set())
    assert problem.reason == "title: is longer than 10 characters (1,000,000)"
    assert problem.excerpt is not None
    assert len(problem.excerpt) < 300


def test_half_a_surrogate_pair_is_no_text() -> None:
    """Half a surrogate pair in a field with bounds puts the record aside."""
    formats = {"short": Format("short", Short)}
    _, (problem,), _ = validate(raws({"title": "a\ud83d"}, format_name="short"), formats, set())
    assert problem.reason == "title: holds half a surrogate pair, which is no text"


def test_several_faults_are_counted() -> None:
    """Only the first of several faults is spelled out."""
    _, (problem,), _ = validate(raws({"upvotes": "1", "title": 3}), FORMATS, set())
    assert problem.reason == "id: is missing (and 2 more)"


def test_a_raw_problem_is_kept_as_it_is() -> None:
    """What could not be parsed goes to the quarantine with the parser's reason."""
    raw = Raw("thing", 4, "damaged", problem="is damaged", where="line 5")
    _, (problem,), _ = validate([raw], FORMATS, set())
    assert (problem.position, problem.reason, problem.where, problem.excerpt) == (
        4,
        "is damaged",
        "line 5",
        "damaged",
    )


def test_one_bad_record_does_not_cost_its_batch() -> None:
    """Batches of any length keep their sound records, in order."""
    data = [{"id": str(n)} if n % 997 else {"id": n} for n in range(BATCH * 2 + 50)]
    sound, problems, _ = validate(raws(*data), FORMATS, set())
    assert [problem.position for problem in problems] == [0, 997, 1994]
    assert [raw.position for raw, _ in sound] == [n for n in range(len(data)) if n % 997]


def test_made_up_field_names_do_not_grow_without_end() -> None:
    """A source that sends ever new field names is told once and remembered within bounds."""
    extras: set[str] = set()
    data = [{"id": "a", f"field {n}": n} for n in range(1_000)]
    sound, problems, warnings = validate(raws(*data), FORMATS, extras)
    assert len(sound) == 1_000
    assert problems == []
    assert len(warnings) == 201
    assert len(extras) == 201
    monster = {"id": "a"} | {f"other {n}": n for n in range(20_000)}
    _, (problem,), _ = validate(raws(monster), FORMATS, extras)
    assert problem.reason == "disagrees with the record's form in 20,000 places"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
things = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text() | json_values,
        "title": st.text() | json_values,
        "upvotes": st.integers() | json_values,
        "people": st.lists(st.fixed_dictionaries({"name": st.text()}, optional={"x": json_values}))
        | json_values,
        "a.b": json_values,
        "[*]": json_values,
    },
)


@settings(deadline=None)
@given(st.lists(things | json_values, max_size=8))
def test_every_record_is_either_sound_or_a_problem(data: list[Any]) -> None:
    """Whatever comes, each record is returned once, nothing is raised, and nothing is changed."""
    before = json.dumps(data)
    extras: set[str] = set()
    sound, problems, _ = validate(raws(*data), FORMATS, extras)
    positions = [raw.position for raw, _ in sound] + [problem.position for problem in problems]
    assert sorted(positions) == list(range(len(data)))
    for _, record in sound:
        assert set(record) <= {"id", "title", "upvotes", "people"}
    again, problems_again, warnings = validate(raws(*data), FORMATS, extras)
    assert [record for _, record in again] == [record for _, record in sound]
    assert problems_again == problems
    assert warnings == []
    assert json.dumps(data) == before
