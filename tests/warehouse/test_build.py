"""The warehouse file: what it holds, where it works, and what a hardened connection refuses."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arrow import fingerprint, schema_of
from schemas.datasets import DATASETS, LISTINGS, MEMBERSHIPS, METRICS
from schemas.errors import LakeError, UsageError
from schemas.fields import Row
from tests.warehouse import lakes
from warehouse.build import build
from warehouse.manifest import DataFile, Manifest, Table, living_rows_sql, quoted
from warehouse.reading import open_warehouse, single_select
from warehouse.viewfiles import load_views

VIEWS = sorted(view.name for view in load_views())


def rows_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[Any, ...]]:
    """All rows, in an order that does not depend on the engine."""
    return sorted(connection.execute(f"from {relation}").fetchall(), key=repr)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small lake with its warehouse, for tests that only read it; it lies in a folder of its own."""
    root = tmp_path_factory.mktemp("shared") / "lake"
    lakes.warehouse(root, lakes.small_rows())
    return root


@pytest.fixture
def root(shared: Path, tmp_path: Path) -> Path:
    """The small lake alone in a folder; it is a copy, so its warehouse was made for another place."""
    return Path(shutil.copytree(shared, tmp_path / "lake"))


def test_a_second_process_reads_the_views(shared: Path) -> None:
    """Any DuckDB that opens the file read-only sees the papers, without a word about the lake."""
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
        "print(c.execute('select count(*), sum(listings_count) from papers').fetchone())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(shared / "warehouse.duckdb")],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "(3, 4)"


def test_a_lake_that_moved_is_found_by_the_variable(tmp_path: Path) -> None:
    """After a move the views fail until `paperlake` says where the lake is."""
    lakes.warehouse(tmp_path / "lake", lakes.small_rows())
    moved = (tmp_path / "lake").rename(tmp_path / "elsewhere")
    with duckdb.connect(moved / "warehouse.duckdb", read_only=True) as connection:
        with pytest.raises(duckdb.IOException):
            connection.execute("select count(*) from papers")
        connection.execute(f"set variable paperlake = {quoted(str(moved))}")
        assert connection.execute("select count(*) from papers").fetchall() == [(3,)]


def test_the_sql_text_makes_the_same_views(shared: Path) -> None:
    """warehouse.sql in an empty in-memory DuckDB gives the same rows and comments as the file."""
    comments = (
        "select schema_name, table_name, column_name, comment from duckdb_columns() "
        "where schema_name in ('lake', 'main') and not internal"
    )
    with (
        duckdb.connect() as memory,
        open_warehouse(shared / "warehouse.duckdb", lake=shared) as file,
    ):
        memory.execute("set TimeZone = 'UTC'")
        memory.execute((shared / "warehouse.sql").read_text(encoding="utf-8"))
        for name in VIEWS:
            assert rows_of(memory, f"main.{name}") == rows_of(file, f"main.{name}"), name
        for dataset in DATASETS:
            relation = f"lake.{dataset.name}"
            assert rows_of(memory, relation) == rows_of(file, relation), relation
        assert rows_of(memory, f"({comments})") == rows_of(file, f"({comments})")


def test_everything_is_described(shared: Path) -> None:
    """Every view says its grain, and every column of every view has a sentence."""
    with duckdb.connect(shared / "warehouse.duckdb", read_only=True) as connection:
        views = connection.execute(
            "select schema_name, view_name, comment from duckdb_views() where not internal"
        ).fetchall()
        columns = connection.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() "
            "where schema_name in ('lake', 'main') and not internal"
        ).fetchall()
    assert {name for schema, name, _ in views if schema == "main"} == {*VIEWS}
    assert {name for schema, name, _ in views if schema == "lake"} == {d.name for d in DATASETS}
    assert [
        name for schema, name, text in views if schema == "main" and "Grain: one" not in text
    ] == []
    assert [row for row in columns if not (row[3] or "").endswith((".", "..."))] == []
    assert {(row[0], row[1]) for row in columns} == {(schema, name) for schema, name, _ in views}


def test_the_file_is_of_the_oldest_storage_version(shared: Path) -> None:
    """DuckDB of any supported version can open what any other has built."""
    with duckdb.connect(shared / "warehouse.duckdb", read_only=True) as connection:
        rows = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchall()
    assert len(rows) == 1
    assert str(rows[0][0]).startswith("v1.0.0")


def test_a_lake_without_tables_has_all_views(tmp_path: Path) -> None:
    """Before the first row every view is there, and empty."""
    lakes.warehouse(tmp_path, {})
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        for name in VIEWS:
            assert rows_of(connection, f"main.{name}") == []


def test_a_target_that_exists_is_left_alone(tmp_path: Path) -> None:
    """A warehouse never replaces a file."""
    path = tmp_path / "warehouse.duckdb"
    path.write_text("mine")
    with pytest.raises(LakeError, match="exists already"):
        build(lakes.lake(tmp_path, {}), tmp_path, path)
    assert path.read_text() == "mine"


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A view that does not bind leaves neither a file nor a WAL behind."""
    views = view_files(tmp_path, a="select nothing as paper_id,  -- No.\nfrom lake.papers")
    target = tmp_path / "w.duckdb"
    with pytest.raises(duckdb.Error):
        build(lakes.lake(tmp_path, {}), tmp_path, target, views=views)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("w.duckdb")]


# Views are read from files

HEAD = "-- What it holds.\n-- Grain: one row per paper.\n-- Key: paper_id\n"


def view_files(folder: Path, **bodies: str) -> Path:
    """A folder of view files with a proper header."""
    target = folder / "views"
    target.mkdir()
    for name, body in bodies.items():
        (target / f"{name}.sql").write_text(HEAD + body + "\n", encoding="utf-8")
    return target


def test_order_comes_from_the_sql(tmp_path: Path) -> None:
    """A view is made after those it reads, whatever they are called."""
    folder = view_files(
        tmp_path,
        a="select paper_id\nfrom main.c",
        b="select paper_id\nfrom lake.papers",
        c="select paper_id\nfrom main.b",
    )
    assert [view.name for view in load_views(folder)] == ["b", "c", "a"]
    build(lakes.lake(tmp_path, {}), tmp_path, tmp_path / "w.duckdb", views=folder)


@pytest.mark.parametrize(
    ("bodies", "message"),
    [
        (
            {"a": "select paper_id\nfrom main.b", "b": "select paper_id\nfrom main.a"},
            "in a circle: (a -> b -> a|b -> a -> b)",
        ),
        ({"a": "select paper_id\nfrom main.gone"}, "reads main.gone, which does not exist"),
        ({"a": "select paper_id\nfrom lake.gone"}, "reads lake.gone, which does not exist"),
        ({"a": "select paper_id\nfrom papers"}, "reads papers without a schema"),
        (
            {"a": "select\n    paper_id,\n    1 as one,\nfrom lake.papers"},
            "needs a comment beside its column one: nothing describes it",
        ),
        (
            {
                "a": "select\n    papers.paper_id,\n    x.night_date,\nfrom lake.papers as papers, "
                "(select q.night_date from lake.quarantine as q, lake.runs as r) as x"
            },
            "column night_date: its relations describe it differently",
        ),
        (
            {"a": "select\n    1 as one,  -- One.\nfrom lake.papers"},
            r"keyed by columns it has not: \['paper_id'\]",
        ),
    ],
)
def test_a_view_that_breaks_the_rules_is_an_error(
    tmp_path: Path, bodies: dict[str, str], message: str
) -> None:
    """Circles, strangers, undocumented columns and wrong keys stop the build with a sentence."""
    folder = view_files(tmp_path, **bodies)
    with pytest.raises(LakeError, match=message):
        build(lakes.lake(tmp_path, {}), tmp_path, tmp_path / "w.duckdb", views=folder)


@pytest.mark.parametrize(
    "text",
    [
        "select paper_id\nfrom lake.papers",
        "-- What.\n-- Key: paper_id\nselect paper_id\nfrom lake.papers",
        "-- What.\n-- Grain: one row per paper.\nselect paper_id\nfrom lake.papers",
        "-- What.\n-- Grain: papers.\n-- Key: paper_id\nselect paper_id\nfrom lake.papers",
        "-- Grain: one row per paper.\n-- Key: paper_id\nselect paper_id\nfrom lake.papers",
    ],
)
def test_a_view_without_its_header_is_an_error(tmp_path: Path, text: str) -> None:
    """A view says what it holds, its grain and its key."""
    (tmp_path / "a.sql").write_text(text, encoding="utf-8")
    with pytest.raises(LakeError, match="must begin with comments"):
        load_views(tmp_path)


# Rows


@pytest.mark.parametrize(
    "name",
    ["o'neil's", "two  blanks ", 'quo"te', "żółć 数据", "semi; drop -- x", "$$ %s {}", "year=2026"],
)
def test_odd_paths_work(tmp_path: Path, name: str) -> None:
    """The lake's folder may be called anything, in the file, in the text and in the variable."""
    root = tmp_path / name
    lakes.warehouse(root, lakes.small_rows())
    with duckdb.connect(root / "warehouse.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) from papers").fetchall() == [(3,)]
    with duckdb.connect() as memory:
        memory.execute((root / "warehouse.sql").read_text(encoding="utf-8"))
        assert memory.execute("select count(*) from papers").fetchall() == [(3,)]
    moved = root.rename(tmp_path / (name + " moved'"))
    with open_warehouse(moved / "warehouse.duckdb", lake=moved, hardened=True) as connection:
        assert connection.execute("select count(*) from papers").fetchall() == [(3,)]


def old_file(root: Path, file: DataFile, told: str | None) -> DataFile:
    """The file as an older Paperlake had written it: columns missing, nested too, one named otherwise."""
    table = pq.read_table(root / file.path)
    fields = []
    for field in table.schema:
        if field.name in ("tldr", "is_open_access", "first_seen_date"):
            continue
        if field.name == "venue":
            field = field.with_name("journal")
        if field.name == "authors":
            inner = [f for f in field.type.value_type if f.name != "affiliation"]
            element = field.type.value_field.with_type(pa.struct(inner))
            field = field.with_type(pa.list_(element))
        fields.append(field)
    columns = [
        pa.array(table[f.name if f.name != "journal" else "venue"].to_pylist(), f.type)
        for f in fields
    ]
    pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), root / file.path)
    return replace(file, columns=told)


@pytest.mark.parametrize("columns", [None, "0123456789abcdef"])
def test_files_older_than_a_column_read_as_null(tmp_path: Path, columns: str | None) -> None:
    """Columns are found by field id: a new one is null in old files, a renamed one keeps its values."""
    values: dict[str, Any] = {
        "venue": "Nature",
        "tldr": "Short.",
        "is_open_access": True,
        "authors": lakes.small_rows()["listings"][0].authors,  # type: ignore[attr-defined]
    }
    old = lakes.data_file(tmp_path, LISTINGS, [lakes.listing("arxiv:1", **values)])
    new = lakes.data_file(
        tmp_path, LISTINGS, [lakes.listing("arxiv:2", **values)], snapshot=2, stem="delta"
    )
    manifest = lakes.lake(tmp_path, {}, snapshot=2)
    table = Table(base=(old_file(tmp_path, old, columns),), deltas=(new,), rows=2)
    path = lakes.built(tmp_path, with_table(manifest, "listings", table))
    with open_warehouse(path) as connection:
        rows = connection.execute(
            "select listing_id, venue, tldr, is_open_access, first_seen_date, authors[2].name, "
            "authors[2].orcid, authors[2].affiliation from listings order by listing_id"
        ).fetchall()
    assert rows == [
        ("arxiv:1", "Nature", None, None, None, "Jürgen O'Neil", "0000-0002-1825-0097", None),
        (
            "arxiv:2",
            "Nature",
            "Short.",
            True,
            lakes.NIGHT,
            "Jürgen O'Neil",
            "0000-0002-1825-0097",
            None,
        ),
    ]


def test_the_schema_is_told_only_where_a_file_needs_it(tmp_path: Path) -> None:
    """One file with other columns, data or deletes, and those of all are found by id; rows are the same."""
    row, other = lakes.member("arxiv:1", "p1"), lakes.member("arxiv:2", "p1")
    later = row.model_copy(update={"paper_id": "p2"})
    manifest = stacked(tmp_path, MEMBERSHIPS, [([row, other], []), ([later], [(row, 1)])])
    table = manifest.table(MEMBERSHIPS)
    old_base = replace(table, base=(replace(table.base[0], columns=None),))
    old_deletes = replace(table, deletes=(replace(table.deletes[0], columns="other"),))
    found = []
    for chosen, calls in ((table, 0), (old_base, 1), (old_deletes, 1)):
        sql = living_rows_sql(MEMBERSHIPS, chosen, quoted(str(tmp_path)))
        assert sql.count("schema = map") == calls
        with duckdb.connect() as connection:
            found.append(connection.execute(f"{sql} order by all").fetchall())
            described = connection.execute(f"describe {sql}").fetchall()
        found[-1].append(tuple(described))
    assert found[0] == found[1] == found[2]
    assert [values[:2] for values in found[0][:-1]] == [("arxiv:1", "p2"), ("arxiv:2", "p1")]


@pytest.mark.parametrize("change", ["id", "name", "type", "order", "nested id", "nested name"])
def test_a_fingerprint_tells_columns_apart(change: str) -> None:
    """Whatever a reader could notice of the columns changes it; what they are told to hold does not."""
    schema = schema_of(LISTINGS.model)
    place = schema.get_field_index("authors" if "nested" in change else "title")
    field = schema.field(place)
    if change == "id":
        changed = schema.set(place, field.with_metadata({"PARQUET:field_id": "999"}))
    elif change == "name":
        changed = schema.set(place, field.with_name("heading"))
    elif change == "type":
        changed = schema.set(place, field.with_type(pa.large_string()))
    elif change == "order":
        changed = pa.schema([*schema][::-1])
    else:
        first, *rest = field.type.value_type
        first = (
            first.with_name("called")
            if change == "nested name"
            else first.with_metadata({"PARQUET:field_id": "999"})
        )
        element = field.type.value_field.with_type(pa.struct([first, *rest]))
        changed = schema.set(place, field.with_type(pa.list_(element)))
    assert fingerprint(changed) != fingerprint(schema)
    assert field.metadata is not None
    number = field.metadata[b"PARQUET:field_id"]
    described = field.with_metadata({"PARQUET:field_id": number, "description": "Something else."})
    assert fingerprint(schema.set(place, described)) == fingerprint(schema)


def with_table(manifest: Manifest, name: str, table: Table) -> Manifest:
    """The manifest with one table exchanged."""
    return replace(manifest, tables={**manifest.tables, name: table})


def stacked(
    root: Path, dataset: Any, steps: Sequence[tuple[Sequence[Row], Sequence[tuple[Row, int]]]]
) -> Manifest:
    """A table of one data file and one delete file a snapshot; deletes name row and its snapshot."""
    data, deletes = [], []
    for number, (rows, gone) in enumerate(steps, start=1):
        if rows:
            data.append(lakes.data_file(root, dataset, rows, snapshot=number, stem="data"))
        for written in sorted({snapshot for _, snapshot in gone}):
            chosen = [row for row, snapshot in gone if snapshot == written]
            deletes.append(
                lakes.delete_file(root, dataset, chosen, snapshot=written, stem=f"delete-{number}")
            )
    manifest = lakes.lake(root, {}, snapshot=len(steps))
    table = Table(base=tuple(data[:1]), deltas=tuple(data[1:]), deletes=tuple(deletes))
    return with_table(manifest, dataset.name, table)


@settings(max_examples=30)
@given(
    steps=st.lists(
        st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["p1", "p2", None]), max_size=4),
        min_size=1,
        max_size=4,
    )
)
def test_living_rows_follow_deltas_and_deletes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, str | None]]
) -> None:
    """However rows are written, superseded, ended and written again, the last word of each key lives."""
    living: dict[str, tuple[str, int]] = {}
    written: list[tuple[list[Row], list[tuple[Row, int]]]] = []
    for number, changes in enumerate(steps, start=1):
        rows: list[Row] = []
        gone: list[tuple[Row, int]] = []
        for key, paper_id in changes.items():
            if key in living:
                old_paper, snapshot = living.pop(key)
                gone.append((lakes.member(f"arxiv:{key}", old_paper), snapshot))
            if paper_id is not None:
                rows.append(lakes.member(f"arxiv:{key}", paper_id))
                living[key] = (paper_id, number)
        written.append((rows, gone))
    root = tmp_path_factory.mktemp("stacked")
    table = stacked(root, MEMBERSHIPS, written).table(MEMBERSHIPS)
    sql = living_rows_sql(MEMBERSHIPS, table, quoted(str(root)))
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select listing_id, paper_id, changed_in_snapshot from ({sql}) order by all"
        ).fetchall()
    assert found == sorted((f"arxiv:{key}", *value) for key, value in living.items())


def test_a_key_with_a_null_is_superseded(tmp_path: Path) -> None:
    """An entry of an unknown list day is one row too, however often it is written."""
    row = lakes.metric("hf:1", lakes.NOON, list_date=None, upvotes=1)
    later = row.model_copy(update={"upvotes": 2})
    path = lakes.built(tmp_path, stacked(tmp_path, METRICS, [([row], []), ([later], [(row, 1)])]))
    with open_warehouse(path) as connection:
        assert connection.execute("select upvotes from lake.metrics").fetchall() == [(2,)]


# Connections


def test_times_are_shown_in_utc(shared: Path) -> None:
    """Whatever the machine's zone, times come in UTC."""
    code = (
        "import sys; from pathlib import Path; from warehouse.reading import open_warehouse; "
        "c = open_warehouse(Path(sys.argv[1])); "
        "print(c.execute('select first_seen_at::varchar from papers limit 1').fetchone()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(shared / "warehouse.duckdb")],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "2026-11-20 12:00:00+00"


def test_a_warehouse_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing file is not made, and hardening needs to know the lake."""
    with pytest.raises(UsageError, match="no warehouse"):
        open_warehouse(tmp_path / "none.duckdb")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="needs the lake's folder"):
        open_warehouse(tmp_path / "none.duckdb", hardened=True)


GOOD = [
    "select 1",
    "  select 1 ; ",
    "select 1; -- a comment",
    "/* first */ select 1",
    "(select 1)",
    "from papers",
    "from papers select title limit 1",
    "table papers",
    "values (1), (2)",
    "with x as (select 1) from x",
    "with recursive t(i) as (select 1 union all select i + 1 from t where i < 3) from t",
    "select * exclude (abstract) replace (1 as title) from papers",
    "describe papers",
    "summarize sources",
    "show tables",
    "show all tables",
    "explain select 1",
    "explain analyze select 1",
    "explain (analyze, format json) select 1",
    "pivot (select 1 as a, 2 as b) on a in (1) using sum(b)",
    "unpivot (select 1 as a, 2 as b) on a, b",
    "select 'copy x to y; drop table z' as t",
    "select $$ ; copy $$ as t",
    "select E'a\\'; copy' as t",
    'select "update" from (select 1 as "update")',
    "select 1 as a -- copy",
    "from range(3)",
    "from duckdb_views()",
    "select count(*) filter (where title like '%delete%') from papers",
]

BAD = [
    "",
    "  \n",
    ";",
    "-- nothing",
    "selec 1",
    "select 1; select 2",
    "select 1; drop view papers",
    "select 1\0; drop view papers",
    "copy papers to 'x.parquet'",
    "COPY (select 1) TO '/tmp/x'",
    "copy from database warehouse to x",
    "attach '/tmp/x.db'",
    "detach warehouse",
    "use memory",
    "explain copy papers to 'x'",
    "explain analyze copy papers to 'x'",
    "EXPLAIN ANALYZE COPY papers TO 'x'",
    "explain (analyze) copy papers to 'x'",
    "explain (format json) copy papers to 'x'",
    "explain analyze insert into x values (1)",
    "explain analyze with x as (insert into t values (1)) select 1",
    "explain create table x as select 1",
    "explain analyze explain analyze copy papers to 'x'",
    "with x as (insert into t values (1) returning *) select * from x",
    "with x as (copy (select 1) to 'x') select 1",
    "with x as (delete from t) select 1",
    "with x as (update t set a = 1) select 1",
    "with x as (truncate t) select 1",
    "with x as (select 1) insert into t from x",
    "from (insert into t values (1))",
    "insert into papers values (1)",
    "merge into t using s on true when matched then delete",
    "create table x (i int)",
    "create temp view v as select 1",
    "create macro m(a) as a",
    "drop view papers",
    "alter view papers rename to p",
    "comment on view papers is 'x'",
    "truncate papers",
    "pragma version",
    "pragma show_tables",
    "pragma enable_profiling",
    "call pragma_version()",
    "call enable_logging()",
    "set threads = 1",
    "set variable paperlake = '/'",
    "reset threads",
    "install httpfs",
    "load httpfs",
    "export database 'x'",
    "import database 'x'",
    "checkpoint",
    "vacuum",
    "begin",
    "prepare p as select 1",
    "execute p",
    "deallocate p",
    "pivot (select 1 as a, 2 as b) on a using sum(b)",
    "from query('copy papers to x')",
    "from \"query\"('select 1')",
    "from system.main.query('select 1')",
    "from query /* x */ -- y\n ('select 1')",
    "from query_table('papers')",
    "from json_execute_serialized_sql('{}')",
    "from read_duckdb('x')",
    "from arrow_scan(1, 2, 3)",
    "from seq_scan('x')",
    "from checkpoint()",
    "from enable_logging()",
]


@pytest.mark.parametrize("query", GOOD)
def test_a_query_that_reads_is_accepted_and_runs(query: str, shared: Path) -> None:
    """What analysts write passes, without its semicolon, and runs on a hardened connection."""
    accepted = single_select(query)
    assert not accepted.endswith(";")
    with open_warehouse(shared / "warehouse.duckdb", lake=shared, hardened=True) as connection:
        connection.execute(accepted).fetchall()


@pytest.mark.parametrize("query", BAD)
def test_a_query_that_could_do_more_is_refused(query: str) -> None:
    """Whatever could write, set, load or hide another statement is refused in a sentence."""
    with pytest.raises(UsageError) as caught:
        single_select(query)
    assert len(str(caught.value)) > 20


def test_parsing_a_query_reads_no_file(tmp_path: Path) -> None:
    """DuckDB 1.5 opens the files of IMPORT DATABASE while it parses: it is refused before that."""
    (tmp_path / "schema.sql").write_text("select 'secret'")
    (tmp_path / "load.sql").write_text("")
    with pytest.raises(UsageError, match="not IMPORT"):
        single_select(f"import database {quoted(str(tmp_path))}")


OUTSIDE = [
    "from read_text({outside})",
    "from read_blob({outside})",
    "from read_csv({outside})",
    "from read_json({outside})",
    "from read_parquet({outside})",
    "from parquet_metadata({outside})",
    "from parquet_kv_metadata({outside})",
    "from sniff_csv({outside})",
    "from {outside}",
    "from read_text({around})",
    "from read_text({beside})",
    "from glob({outside})",
    "from glob({beside})",
    "from read_text('/etc/passwd')",
    "from read_text('file:///etc/passwd')",
    "from read_text('http://localhost:1/x')",
    "from read_csv('/dev/stdin')",
    "select getenv('HOME')",
]


@pytest.mark.parametrize("query", OUTSIDE)
def test_a_hardened_connection_reads_nothing_outside(
    query: str, root: Path, tmp_path: Path
) -> None:
    """Neither by path, by dots, by a folder whose name begins alike, nor by the network."""
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    beside = tmp_path / "lake-other" / "secret.txt"
    beside.parent.mkdir()
    beside.write_text("secret")
    text = single_select(
        query.format(
            outside=quoted(str(outside)),
            around=quoted(f"{root}/data/../../secret.txt"),
            beside=quoted(str(beside)),
        )
    )
    with (
        open_warehouse(root / "warehouse.duckdb", lake=root, hardened=True) as connection,
        pytest.raises(duckdb.Error),
    ):
        connection.execute(text).fetchall()


def test_a_hardened_connection_writes_nothing_outside(root: Path, tmp_path: Path) -> None:
    """Even without the check of the query, nothing outside of the lake can be written or unlocked."""
    with open_warehouse(root / "warehouse.duckdb", lake=root, hardened=True) as connection:
        for statement in (
            f"copy (select 1) to {quoted(str(tmp_path / 'x.csv'))}",
            f"copy (select 1) to {quoted(f'{root}/../x.csv')}",
            f"attach {quoted(str(tmp_path / 'x.duckdb'))} as x",
            f"export database {quoted(str(tmp_path / 'x'))}",
            "create table warehouse.main.x (i int)",
            "drop view warehouse.main.papers",
            "set enable_external_access = true",
            "set lock_configuration = false",
            "set allowed_directories = ['/']",
            "install httpfs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake"]


def test_a_hardened_connection_sees_no_variables_of_python(shared: Path) -> None:
    """Names of the caller's Python objects are not tables."""
    secret = pa.table({"a": [1]})
    assert secret.num_rows == 1
    with (
        open_warehouse(shared / "warehouse.duckdb", lake=shared, hardened=True) as connection,
        pytest.raises(duckdb.CatalogException),
    ):
        connection.execute("from secret")


def test_connections_do_not_share_their_settings(shared: Path) -> None:
    """A hardened connection to a file does not lock another one of the same process."""
    path = shared / "warehouse.duckdb"
    with (
        open_warehouse(path, lake=shared, hardened=True),
        open_warehouse(path, lake=shared) as free,
    ):
        free.execute("set threads = 1")
        assert free.execute("from read_text('/etc/hostname')").fetchall()


def test_sorting_more_than_fits_leaves_nothing_behind(shared: Path) -> None:
    """A hardened connection spills outside of the lake, and nothing of it stays in the lake."""
    before = sorted(shared.rglob("*"))
    with open_warehouse(shared / "warehouse.duckdb", lake=shared, hardened=True) as connection:
        connection.execute("select count(*) from (from range(300000) order by md5(range::varchar))")
    assert sorted(shared.rglob("*")) == before
