"""The command line as a user types it: a real process, its output, its exit code."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from flows import cli
from flows.cli import app
from tests import forked
from tests.flows.nights import night, pretend_more_papers
from warehouse.snapshots import Lake

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def paperlake(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the console script in a folder, with no settings but those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PAPERLAKE_")}
    env = {**clean, "PYTHONPATH": str(forked.ROOT), **environment}
    return forked.run(forked.COMMAND, args, cwd, env)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sandbox_url: str) -> Path:
    """A folder with a lake of two nights in ./lake."""
    folder = tmp_path_factory.mktemp("home")
    night(folder / "lake", sandbox_url)
    night(folder / "lake", sandbox_url)
    return folder


def answer(home: Path, *args: str) -> Any:
    """What a command that must succeed says as JSON."""
    done = paperlake(*args, "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "command", [[], *[[name] for name in COMMANDS], ["sandbox", "serve"], ["sandbox", "truth"]]
)
def test_every_command_explains_itself(command: list[str]) -> None:
    """--help tells what the command does and every option it has, and ends with 0."""
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.output
    node: Any = typer.main.get_command(app)
    for name in command:
        node = node.commands[name]
    assert (node.help or "").split("\n")[0].split(":")[0][:40] in " ".join(done.output.split())
    for parameter in node.params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"{command} {parameter.name} is not explained"
            assert max(parameter.opts, key=len) in done.output


def test_the_help_names_the_exit_codes() -> None:
    """The main help lists the exit codes."""
    text = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    for code in ("0 done", "1 failed", "2 usage or settings", "3 busy", "4 published", "5 blocked"):
        assert code in text


MISTAKES = [
    (["sql", "select 1"], "There is no lake"),
    (["trending"], "There is no lake"),
    (["export", "--to", "x"], "There is no lake"),
    (["nightly", "--no-prefect"], "PAPERLAKE_CONTACT"),
    (["nightly", "--source", "nature"], "There is no source 'nature'"),
    (["nightly", "--sandbox", "http://example.org"], "not on this machine"),
    (["nightly", "--allow", "nothing"], "no such check"),
    (["backfill", "--source", "arxiv", "--from", "2025-13-01", "--to", "2025-01-01"], "YYYY-MM-DD"),
    (["import", "huggingface", "absent.json"], "There is no file absent.json"),
    (["import", "nature", "absent.json"], "There is no source 'nature'"),
    (["nonsense"], "No such command"),
    (["--log", "xml", "status"], "the only form is json"),
]


@pytest.mark.parametrize(
    ("args", "message"),
    MISTAKES,
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake_is_one_sentence_and_exit_2(
    args: list[str], message: str, tmp_path: Path
) -> None:
    """A mistake ends with exit code 2, a sentence on stderr, no traceback, and leaves nothing behind."""
    done = paperlake(*args, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_names_the_variable(tmp_path: Path) -> None:
    """A setting that is no good is named, with exit code 2."""
    done = paperlake("status", cwd=tmp_path, PAPERLAKE_ATTEMPTS="many")
    assert done.returncode == 2
    assert "PAPERLAKE_ATTEMPTS" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_foreign_folder_is_not_taken_for_a_lake(tmp_path: Path) -> None:
    """A folder with other things in it is left alone."""
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "thesis.txt").write_text("mine")
    (tmp_path / "page.json").write_text("[]")
    done = paperlake("import", "huggingface", "page.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "holds no lake" in done.stderr
    assert [path.name for path in (tmp_path / "lake").iterdir()] == ["thesis.txt"]


def test_sql_answers_in_five_forms(home: Path) -> None:
    """The same query as table, csv, json, jsonl and markdown; nested values are JSON in csv."""
    query = "select 1 as n, ['a', 'b'] as tags, 'x|y' as text, null as nothing"
    forms = {
        form: paperlake("sql", query, "--format", form, cwd=home).stdout
        for form in ("table", "csv", "json", "jsonl", "markdown")
    }
    assert forms["csv"] == 'n,tags,text,nothing\n1,"[""a"", ""b""]",x|y,\n'
    assert json.loads(forms["json"]) == [
        {"n": 1, "tags": ["a", "b"], "text": "x|y", "nothing": None}
    ]
    assert json.loads(forms["jsonl"])["tags"] == ["a", "b"]
    assert "| 1 | a, b | x\\|y |  |" in forms["markdown"]
    assert forms["table"].splitlines()[0].split() == ["n", "tags", "text", "nothing"]
    wrong = paperlake("sql", query, "--format", "xml", cwd=home)
    assert (wrong.returncode, "choose among" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    "query",
    [
        "copy papers to 'stolen.csv'",
        "select 1; select 2",
        "attach 'x.duckdb'",
        "set memory_limit = '1GB'",
        "select * from read_text('/etc/hostname')",
        "from 'lake/../../secret.csv'",
        "select * from nowhere",
        "selec 1",
        "",
    ],
)
def test_sql_only_reads(query: str, home: Path) -> None:
    """Whatever is not one reading statement inside the lake is refused with exit code 2."""
    (home.parent / "secret.csv").write_text("a\n1\n")
    done = paperlake("sql", query, cwd=home)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("paperlake: ")
    assert "Traceback" not in done.stderr
    assert not (home / "stolen.csv").exists()


def test_earlier_snapshots_can_be_asked(home: Path) -> None:
    """--snapshot N answers from that snapshot; an unknown one is exit 2 and names what there is."""
    counts = [
        answer(home, "sql", "select count(*) as n from listings", "--snapshot", str(number))[0]["n"]
        for number in (1, 2)
    ]
    assert counts[0] < counts[1]
    wrong = paperlake("sql", "select 1", "--snapshot", "9", cwd=home)
    assert (wrong.returncode, "1 to 2" in wrong.stderr) == (2, True)


def test_show_finds_a_paper_by_every_key(home: Path) -> None:
    """paper_id, listing_id, arXiv id in any form and DOI lead to the same paper."""
    found = answer(
        home,
        "sql",
        "select paper_id, arxiv_id, doi from papers where doi is not null "
        "and list_has_all(sources, ['arxiv', 'huggingface']) limit 1",
    )[0]
    keys = [
        found["paper_id"],
        f"arxiv:{found['arxiv_id']}",
        found["arxiv_id"],
        f"https://arxiv.org/abs/{found['arxiv_id']}v2",
        f"https://doi.org/{found['doi'].upper()}",
    ]
    for key in keys:
        shown = answer(home, "show", key)
        assert shown["paper"]["paper_id"] == found["paper_id"], key
    assert {row["source"] for row in shown["listings"]} >= {"arxiv", "huggingface"}
    text = paperlake("show", keys[0], cwd=home).stdout
    assert f"Listings ({len(shown['listings'])})" in text
    missing = paperlake("show", "9999.99999", cwd=home)
    assert (missing.returncode, "Nothing is known" in missing.stderr) == (2, True)


def test_trending_is_the_list(home: Path) -> None:
    """The latest list in the order of ranks, an earlier day's, and as Markdown."""
    rows = answer(home, "trending")
    assert [row["rank"] for row in rows] == sorted(row["rank"] for row in rows)
    assert {row["list_date"] for row in rows} == {"2026-03-04"}
    assert len(rows) > 20
    earlier = answer(home, "trending", "--day", "2026-03-03")
    assert {row["list_date"] for row in earlier} == {"2026-03-03"}
    markdown = paperlake("trending", "--markdown", "--limit", "2", cwd=home).stdout
    assert markdown.startswith("# Trending papers, 2026-03-04\n\n1. **[")
    wrong = paperlake("trending", "--day", "1999-01-01", cwd=home)
    assert (wrong.returncode, "known days are" in wrong.stderr) == (2, True)


def test_status_sources_and_snapshots_tell_the_health(home: Path) -> None:
    """status, sources and snapshots agree on the newest snapshot and on how far each list is."""
    status = answer(home, "status")
    assert (status["snapshot"], status["written_by"], status["unfinished"]) == (2, None, {})
    assert status["last_runs"][0]["state"] == "published"
    lists = {(row["source"], row["list"]): row for row in answer(home, "sources")}
    assert lists["huggingface", "daily"]["last_success_date"] == "2026-03-04"
    assert lists["arxiv", "cs"]["watermark"].startswith("2026-03-04T06:30")
    snapshots = answer(home, "snapshots")
    assert [row["snapshot"] for row in snapshots] == [1, 2]
    assert snapshots[-1]["content_hash"] == status["content_hash"]
    for command in ("status", "sources", "snapshots"):
        assert paperlake(command, cwd=home).returncode == 0


def test_the_table_of_sources_counts_a_source_once(home: Path) -> None:
    """A source's listings stand on its first list; as JSON, on each of its lists."""
    rows = answer(home, "sources")
    (count,) = {row["n_listings"] for row in rows if row["source"] == "arxiv"}
    assert count > 0
    table = paperlake("sources", cwd=home).stdout.splitlines()
    lists = [line.split()[1:3] for line in table if line.startswith("arxiv ")]
    assert len(lists) > 1
    assert [str(count) in cells for cells in lists] == [True] + [False] * (len(lists) - 1)


def test_check_finds_a_damaged_file(home: Path, tmp_path: Path) -> None:
    """Check is content with a sound lake, and names the damaged file with exit code 5."""
    import shutil

    shutil.copytree(home / "lake", tmp_path / "lake", symlinks=True)
    assert answer(tmp_path, "check")["is_sound"]
    assert answer(tmp_path, "check", "--snapshot", "1")["snapshot"] == 1
    manifest = Lake(tmp_path / "lake").manifest()
    assert manifest is not None
    victim = tmp_path / "lake" / manifest.tables["papers"].base[0].path
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    done = paperlake("check", cwd=tmp_path)
    assert done.returncode == 5
    assert f"{manifest.tables['papers'].base[0].path} has another sha256" in done.stdout


def test_export_is_put_in_place(home: Path, tmp_path: Path) -> None:
    """Export writes a Parquet file a view, and says what it wrote."""
    manifest = answer(home, "export", "--to", str(tmp_path / "out"))
    names = {file["view"] for file in manifest["files"]}
    assert {"papers", "listings", "daily_papers", "trending_papers"} <= names
    assert all((tmp_path / "out" / file["path"]).exists() for file in manifest["files"])


def test_json_and_quiet_keep_stdout_clean(tmp_path: Path, sandbox_url: str) -> None:
    """With --json stdout is one document, with --quiet it is empty; --log json logs JSON lines."""
    args = ["nightly", "--no-prefect", "--sandbox", sandbox_url]
    run = json.loads(paperlake(*args, "--json", cwd=tmp_path).stdout)
    assert (run["state"], run["snapshot"]) == ("published", 1)
    quiet = paperlake(*args, "--quiet", cwd=tmp_path)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    logged = paperlake(*args, "--log", "json", cwd=tmp_path)
    assert all(json.loads(line)["level"] for line in logged.stderr.splitlines())
    busy = Lake(tmp_path / "lake")
    busy.lock.acquire("a test")
    refused = paperlake(*args, cwd=tmp_path)
    busy.lock.release()
    assert (refused.returncode, "'a test'" in refused.stderr) == (3, True)


@pytest.mark.parametrize("log", [[], ["--log", "json"]], ids=["lines", "log"])
def test_a_sandbox_is_not_estimated_by_the_rates_of_the_world(
    log: list[str], tmp_path: Path, sandbox_url: str
) -> None:
    """Against a sandbox neither the run nor a list says how many requests to expect."""
    args = ["nightly", "--no-prefect", "--sandbox", sandbox_url, "--source", "huggingface", *log]
    told = paperlake(*args, cwd=tmp_path).stderr
    assert "huggingface daily: 2026-" in told
    assert "requests" not in told


def test_a_blocked_snapshot_is_exit_5_and_can_be_allowed(tmp_path: Path, sandbox_url: str) -> None:
    """A failing check blocks with exit code 5 and the old snapshot stays; --allow publishes and is recorded."""
    args = ["nightly", "--no-prefect", "--sandbox", sandbox_url]
    assert paperlake(*args, cwd=tmp_path).returncode == 0
    # A thousand rows more in the last snapshot's own account: the next night looks like a collapse.
    pretend_more_papers(Lake(tmp_path / "lake"))
    blocked = paperlake(*args, cwd=tmp_path)
    assert blocked.returncode == 5, blocked.stdout + blocked.stderr
    assert "--allow papers_do_not_collapse" in blocked.stderr
    assert answer(tmp_path, "status")["snapshot"] == 1
    allowed = paperlake(*args, "--allow", "papers_do_not_collapse", cwd=tmp_path)
    assert allowed.returncode == 0, allowed.stderr
    runs = answer(
        tmp_path,
        "sql",
        "select state, overrides from runs where night_date = '2026-03-04' order by state",
    )
    assert runs == [{"state": "published", "overrides": ["papers_do_not_collapse"]}]


def test_a_proxy_of_the_environment_does_not_lead_loopback_away(
    tmp_path: Path, sandbox_url: str
) -> None:
    """A sandbox is reached directly, whatever proxy the environment names."""
    done = paperlake(
        "nightly",
        "--no-prefect",
        "--quiet",
        "--sandbox",
        sandbox_url,
        cwd=tmp_path,
        http_proxy="http://127.0.0.1:9",
        HTTP_PROXY="http://127.0.0.1:9",
    )
    assert done.returncode == 0, done.stderr


def test_a_broken_state_file_does_not_stop_the_night(tmp_path: Path, sandbox_url: str) -> None:
    """A state file that is not whole counts for nothing: the watermarks say where to go on."""
    args = ["nightly", "--no-prefect", "--quiet", "--sandbox", sandbox_url]
    assert paperlake(*args, cwd=tmp_path).returncode == 0
    (tmp_path / "lake" / "state" / "nightly.json").write_text("{}")
    assert paperlake(*args, cwd=tmp_path).returncode == 0
    assert [row["snapshot"] for row in answer(tmp_path, "snapshots")] == [1, 2]


def test_a_missing_file_is_told_in_a_sentence(home: Path, tmp_path: Path) -> None:
    """A lake that lost a file says so without a traceback, and check names the file."""
    import shutil

    shutil.copytree(home / "lake", tmp_path / "lake", symlinks=True)
    for path in (tmp_path / "lake" / "data" / "papers").iterdir():
        path.unlink()
    done = paperlake("trending", cwd=tmp_path)
    assert (done.returncode, "paperlake check" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr
    assert "is missing" in paperlake("check", cwd=tmp_path).stdout


def test_an_interrupted_night_ends_at_once_and_goes_on(tmp_path: Path, sandbox_url: str) -> None:
    """Ctrl-C ends a night within a second or two with exit code 130 and a word; run again, it goes on."""
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "nightly",
        "--no-prefect",
        "--sandbox",
        sandbox_url,
    ]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "responses" in line or "about" in line:
            break
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "goes on from here" in told
    assert "killed or broken off and not running" in paperlake("status", cwd=tmp_path).stdout
    again = paperlake(*command[3:], cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert answer(tmp_path, "snapshots")[0]["snapshot"] == 1


def test_an_endless_query_is_refused(home: Path) -> None:
    """A query with more rows than can be held is refused with what to do, and not printed in part."""
    done = paperlake("sql", "select range from range(3000000)", cwd=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert "add a limit" in done.stderr


def test_a_query_that_is_interrupted_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C that DuckDB hears ends with exit code 130 and one sentence."""

    # DuckDB hears it now and then only, else it is heard when the query is over; so its error is made here.
    def interrupted() -> None:
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err.splitlines() == [
        "paperlake: Interrupted. Run it again; nothing is lost."
    ]
