"""Files instead of the network."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from flows import answers
from flows.importing import capture_time, import_files
from schemas.errors import LakeError, OriginError, UsageError
from schemas.paper import Run
from tests.flows.nights import content_hash, night, rows, settings
from tests.recordings import RECORDED, needs_recordings
from warehouse.snapshots import Lake


def put(lake: Path, source: str, *paths: Path, **options: Any) -> Run:
    """Import files."""
    return import_files(settings(lake), source, paths, **options)


def entry(paper_id: str, title: str, **paper: Any) -> dict[str, Any]:
    """One entry of a daily list, as the API gives it."""
    return {
        "paper": {
            "id": paper_id,
            "authors": [{"_id": "1", "name": "Ada Example", "hidden": False}],
            "publishedAt": "2025-06-09T13:59:53.000Z",
            "title": title,
            "summary": f"About {title}.",
            "upvotes": 3,
            **paper,
        },
        "publishedAt": "2025-06-09T13:59:53.000Z",
        "title": title,
        "numComments": 1,
    }


def daily(folder: Path, day: str, *entries: dict[str, Any]) -> Path:
    """A saved daily list."""
    path = folder / f"daily-{day}.json"
    path.write_text(json.dumps(entries))
    return path


def test_an_import_is_one_snapshot_and_twice_is_none(lake_path: Path, tmp_path: Path) -> None:
    """The first import publishes; the same files again change nothing and leave no response twice."""
    one = daily(tmp_path, "2025-06-10", entry("2506.00001", "A"), entry("2506.00002", "B"))
    two = daily(tmp_path, "2025-06-11", entry("2506.00002", "B", upvotes=9))
    first = put(lake_path, "huggingface", one, two)
    assert (first.state, first.snapshot, first.outcomes[0].n_new) == ("published", 1, 2)
    kept = sum(
        path.stat().st_size for path in (lake_path / "responses").rglob("*") if path.is_file()
    )
    again = put(lake_path, "huggingface", one, two)
    assert (again.state, again.snapshot, again.exit_code) == ("unchanged", None, 0)
    assert Lake(lake_path).numbers() == [1]
    assert kept == sum(
        path.stat().st_size for path in (lake_path / "responses").rglob("*") if path.is_file()
    )
    votes = rows(
        lake_path,
        "select list_date, night_date, upvotes from lake.metrics where listing_id = 'huggingface:2506.00002' order by 1",
    )
    assert [(row["list_date"].day, row["night_date"].day, row["upvotes"]) for row in votes] == [
        (10, 10, 3),
        (11, 11, 9),
    ]


def test_an_older_file_after_a_newer_one_changes_no_listing(
    lake_path: Path, tmp_path: Path
) -> None:
    """The day in the file's name says which record is newer, not the order of import."""
    put(lake_path, "huggingface", daily(tmp_path, "2025-06-11", entry("2506.00001", "New title")))
    before = rows(lake_path, "select * from lake.listings")
    put(lake_path, "huggingface", daily(tmp_path, "2025-06-10", entry("2506.00001", "Old title")))
    assert rows(lake_path, "select * from lake.listings") == before


def test_a_damaged_row_costs_only_itself(lake_path: Path, tmp_path: Path) -> None:
    """Of a list with a broken entry the sound rows are kept, and the reason says what and where."""
    path = daily(
        tmp_path, "2025-06-10", entry("2506.00001", "A"), entry("2506.00002", "B", upvotes="many")
    )
    run = put(lake_path, "huggingface", path)
    assert (run.outcomes[0].n_new, run.outcomes[0].n_quarantined, run.exit_code) == (1, 1, 0)
    (bad,) = rows(lake_path, "from quarantine")
    assert "upvotes" in bad["reason"]
    assert bad["where"] == "file:daily-2025-06-10.json [1].paper.upvotes"


def test_a_file_that_is_nothing_is_told_with_exit_4(lake_path: Path, tmp_path: Path) -> None:
    """An unreadable file is quarantined as a whole; the others are imported; the exit code is 4."""
    good = daily(tmp_path, "2025-06-10", entry("2506.00001", "A"))
    bad = tmp_path / "daily-2025-06-11.json"
    bad.write_text('{"error": "Not found"}')
    run = put(lake_path, "huggingface", good, bad)
    assert (run.exit_code, run.state, run.outcomes[0].n_new) == (4, "incomplete", 1)
    assert "daily-2025-06-11.json" in (run.outcomes[0].problem or "")
    (row,) = rows(lake_path, "from quarantine")
    assert row["position"] == -1


def test_captures_are_dated_by_name_or_file(tmp_path: Path) -> None:
    """The day in the name at 23:59, else the file's time; never the future."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    named, plain = tmp_path / "daily-2025-06-10.json", tmp_path / "page.txt"
    plain.write_text("x")
    assert capture_time(named, now) == datetime(2025, 6, 10, 23, 59, tzinfo=UTC)
    assert capture_time(plain, now) == now
    assert capture_time(Path("2031-01-01.json"), now) == now


def test_a_sandbox_lake_takes_no_real_files(
    lake_path: Path, tmp_path: Path, sandbox_url: str
) -> None:
    """Real papers do not get into a lake of a sandbox."""
    night(lake_path, sandbox_url)
    with pytest.raises(OriginError, match="choose another folder"):
        put(lake_path, "huggingface", daily(tmp_path, "2025-06-10", entry("2506.00001", "A")))


def test_a_missing_file_does_nothing(lake_path: Path, tmp_path: Path) -> None:
    """One missing name among several files stops the import before it begins."""
    good = daily(tmp_path, "2025-06-10", entry("2506.00001", "A"))
    with pytest.raises(UsageError, match="no file"):
        put(lake_path, "huggingface", good, tmp_path / "absent.json")
    assert not lake_path.exists()


def test_a_snapshot_line_meets_the_listing_of_hugging_face(lake_path: Path, tmp_path: Path) -> None:
    """The arXiv record and the Hugging Face entry of one id are one paper, with the best of both."""
    record = {
        "id": "2506.00001",
        "submitter": "Ada Example",
        "authors": "Ada Example and Bo Sample",
        "title": "On the weight of\n  feathers",
        "comments": None,
        "journal-ref": None,
        "doi": None,
        "report-no": None,
        "categories": "cs.LG stat.ML",
        "license": "http://creativecommons.org/licenses/by/4.0/",
        "abstract": "  We weigh feathers.\n",
        "versions": [
            {"version": "v1", "created": "Mon, 2 Jun 2025 10:00:00 GMT"},
            {"version": "v2", "created": "Tue, 3 Jun 2025 10:00:00 GMT"},
        ],
        "update_date": "2025-06-04",
        "authors_parsed": [["Example", "Ada", ""], ["Sample", "Bo", ""]],
    }
    path = tmp_path / "snapshot.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(record).encode() + b"\n"))
    put(
        lake_path,
        "huggingface",
        daily(
            tmp_path,
            "2025-06-10",
            entry("2506.00001", "On the Weight of Feathers", ai_summary="Light."),
        ),
    )
    put(lake_path, "arxiv", path)
    (paper,) = rows(lake_path, "from papers")
    assert paper["title"] == "On the weight of feathers"
    assert (paper["arxiv_version"], paper["license"], paper["tldr"]) == (2, "CC-BY-4.0", "Light.")
    assert paper["sources"] == ["arxiv", "huggingface"]
    assert [author["family"] for author in paper["authors"]] == ["Example", "Sample"]


@needs_recordings
def test_the_recorded_days_import(lake_path: Path) -> None:
    """Every recorded day of Hugging Face imports; the two damaged ones are quarantined row by row."""
    files = sorted((RECORDED / "huggingface").glob("*.json"))
    run = put(lake_path, "huggingface", *files)
    assert (run.exit_code, run.outcomes[0].n_new, run.outcomes[0].n_quarantined) == (0, 209, 27)
    reasons = rows(
        lake_path,
        "select distinct reason, regexp_extract(\"where\", 'daily-[0-9-]+') as file from quarantine order by 2",
    )
    assert [row["file"] for row in reasons] == ["daily-2024-12-12", "daily-2025-01-10"]
    assert all("repr()" in row["reason"] for row in reasons)


@needs_recordings
def test_the_seed_page_then_its_paper_from_the_api(lake_path: Path, tmp_path: Path) -> None:
    """The page's 62 papers are a trending capture in its order; an API record of one joins it."""
    page = RECORDED / "seed" / "trending-papers-page.txt"
    run = put(lake_path, "huggingface", page, day=date(2025, 6, 5))
    assert run.outcomes[0].n_new == 62
    listed = rows(
        lake_path,
        "select rank, title, abstract, list_date from trending_papers join papers using (paper_id, title) order by rank",
    )
    assert [row["rank"] for row in listed] == list(range(1, 63))
    assert all(row["title"] and row["abstract"] for row in listed)
    assert {row["list_date"] for row in listed} == {date(2025, 6, 5)}
    put(
        lake_path,
        "huggingface",
        daily(tmp_path, "2025-06-10", entry("2303.13731", listed[0]["title"])),
    )
    same = rows(
        lake_path,
        f"select sources from papers where title_key = (select title_key from papers where title = '{listed[0]['title']}' limit 1)",
    )
    assert [row["sources"] for row in same] == [["huggingface", "huggingface_page"]]


@needs_recordings
def test_the_recorded_snapshot_imports_whole(lake_path: Path) -> None:
    """10,000 records of arXiv become 10,000 listings; importing them twice makes no second snapshot."""
    path = RECORDED / "arxiv" / "snapshot-sample-10k.jsonl.gz"
    run = put(lake_path, "arxiv", path)
    assert (run.outcomes[0].n_new, run.outcomes[0].n_quarantined) == (10_000, 0)
    before = content_hash(lake_path)
    assert put(lake_path, "arxiv", path).state == "unchanged"
    assert (Lake(lake_path).numbers(), content_hash(lake_path)) == ([1], before)


@needs_recordings
def test_every_recorded_answer_of_arxiv_parses_or_says_why(lake_path: Path) -> None:
    """The recorded OAI records become listings; every other file is quarantined with what and where."""
    files = [
        path for path in sorted((RECORDED / "arxiv").rglob("*")) if path.suffix in (".xml", ".json")
    ]
    run = put(lake_path, "arxiv", *files)
    assert run.outcomes[0].n_new == 19
    refused = rows(lake_path, 'select reason, "where" from quarantine')
    assert len(refused) == run.outcomes[0].n_quarantined
    assert all(row["reason"] and row["where"].startswith("file:") for row in refused)
    read = {
        row["f"] for row in rows(lake_path, "select distinct response_sha256 as f from listings")
    }
    assert read


def test_what_was_seen_again_is_not_replaced_by_what_lay_between(
    lake_path: Path, tmp_path: Path
) -> None:
    """A listing seen alike on two days is not changed by a record captured between them."""
    for day, title in (("2025-06-10", "A"), ("2025-06-14", "A"), ("2025-06-12", "B")):
        put(lake_path, "huggingface", daily(tmp_path, day, entry("2506.00001", title)))
    assert [row["title"] for row in rows(lake_path, "from lake.listings")] == ["A"]
    put(lake_path, "huggingface", daily(tmp_path, "2025-06-15", entry("2506.00001", "C")))
    assert [row["title"] for row in rows(lake_path, "from lake.listings")] == ["C"]


def test_a_title_that_turns_blank_is_put_aside(lake_path: Path, tmp_path: Path) -> None:
    """A record without a readable title is quarantined, and the listing stays as it was."""
    put(lake_path, "huggingface", daily(tmp_path, "2025-06-10", entry("2506.00001", "A")))
    run = put(lake_path, "huggingface", daily(tmp_path, "2025-06-11", entry("2506.00001", " ")))
    assert run.outcomes[0].n_quarantined == 1
    assert [row["title"] for row in rows(lake_path, "from papers")] == ["A"]


def test_nothing_readable_publishes_nothing(lake_path: Path, tmp_path: Path) -> None:
    """Where no file can be read, exit code 1, no snapshot, and no response is left."""
    page = tmp_path / "notes.txt"
    page.write_text("\n\n".join(f"Note {n}" for n in range(30)))
    run = put(lake_path, "huggingface", page)
    assert (run.exit_code, run.state) == (1, "failed")
    assert Lake(lake_path).manifest() is None
    assert not any(path.stat().st_size for path in (lake_path / "responses").rglob("*.pack"))


def test_a_page_without_its_day_says_so(lake_path: Path, tmp_path: Path) -> None:
    """A saved page that does not say its day is imported with a warning and without a list day."""
    page = tmp_path / "page.txt"
    abstract = "We study how feathers fall. " * 12
    page.write_text("\n\n".join(f"On feathers {n}\n\n{abstract}{n}." for n in range(3)))
    run = put(lake_path, "huggingface", page)
    assert any("--date" in text for text in run.warnings)
    assert {row["list_date"] for row in rows(lake_path, "from lake.metrics")} == {None}


def test_a_half_made_lake_is_taken_up(lake_path: Path, tmp_path: Path) -> None:
    """What a first run left that was killed while it made the lake does not stop the next."""
    lake_path.mkdir()
    (lake_path / "lock").touch()
    (lake_path / ".tmp-abc-lake.json").touch()
    (lake_path / ".tmp-folder").mkdir()
    run = put(lake_path, "huggingface", daily(tmp_path, "2025-06-10", entry("2506.00001", "A")))
    assert run.state == "published"
    assert not list(lake_path.glob(".tmp-*"))


def test_a_damaged_index_is_told_in_a_sentence(lake_path: Path, tmp_path: Path) -> None:
    """A damaged index of kept responses is a sentence with what to do, and the lock is free after it."""
    path = daily(tmp_path, "2025-06-10", entry("2506.00001", "A"))
    put(lake_path, "huggingface", path)
    (index,) = (lake_path / "responses" / "huggingface").glob("*.jsonl")
    sound = index.read_bytes()
    index.write_bytes(b"garbage\n")
    for _ in range(2):
        with pytest.raises(LakeError, match="restore it from a backup"):
            put(lake_path, "huggingface", path)
    index.write_bytes(sound)
    assert put(lake_path, "huggingface", path).state == "unchanged"


def test_a_second_capture_of_a_day_keeps_the_list_whole(lake_path: Path, tmp_path: Path) -> None:
    """Captured twice a day, the trending list is the later capture, unchanged entries included."""
    path = tmp_path / "trending.json"
    for hour, votes in ((6, 3), (12, 4)):
        listed = [entry(f"2506.0000{n}", f"T{n}", upvotes=votes if n == 2 else 7) for n in range(5)]
        path.write_text(json.dumps(listed))
        moment = datetime(2025, 6, 10, hour, tzinfo=UTC)
        put(lake_path, "huggingface", path, captured_at=moment, day=date(2025, 6, 10))
    listed_now = rows(lake_path, "select rank, upvotes from trending_papers order by rank")
    assert [(row["rank"], row["upvotes"]) for row in listed_now] == [
        (1, 7),
        (2, 7),
        (3, 4),
        (4, 7),
        (5, 7),
    ]


def test_a_file_without_one_sound_record_is_no_success(lake_path: Path, tmp_path: Path) -> None:
    """Where every record is put aside the exit code is 4, and the quarantine tells why."""
    path = tmp_path / "daily-2025-06-10.json"
    path.write_text(json.dumps(["{'paper': {'id': '2506.00001'}}"] * 3))
    run = put(lake_path, "huggingface", path)
    assert (run.exit_code, run.outcomes[0].n_quarantined) == (4, 3)
    assert len(rows(lake_path, "from quarantine")) == 3


def test_a_retired_id_still_finds_the_paper(lake_path: Path, tmp_path: Path) -> None:
    """After a merge the retired paper_id leads to the paper that took its place."""

    def record(number: int, doi: str | None, day: str) -> str:
        return json.dumps(
            {
                "id": f"2506.0000{number}",
                "submitter": None,
                "authors": "Ada Example",
                "title": f"Feathers {number}",
                "comments": None,
                "journal-ref": None,
                "doi": doi,
                "report-no": None,
                "categories": "cs.LG",
                "license": None,
                "abstract": "We weigh feathers.",
                "versions": [{"version": "v1", "created": "Mon, 2 Jun 2025 10:00:00 GMT"}],
                "update_date": day,
                "authors_parsed": [["Example", "Ada", ""]],
            }
        )

    path = tmp_path / "snapshot.jsonl"
    path.write_text(
        "\n".join([record(1, "10.1000/x", "2025-06-03"), record(2, None, "2025-06-03")])
    )
    put(lake_path, "arxiv", path)
    lake = Lake(lake_path)
    ids = {answers.show(lake, f"arxiv:2506.0000{n}")["paper"]["paper_id"] for n in (1, 2)}
    assert len(ids) == 2
    path.write_text(record(2, "10.1000/x", "2025-06-04"))
    put(lake_path, "arxiv", path)
    found = {answers.show(lake, paper_id)["paper"]["paper_id"] for paper_id in ids}
    assert len(found) == 1
    assert found < ids
