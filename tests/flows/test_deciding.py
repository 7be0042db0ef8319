"""Why listings are one paper, what is uncertain, what people decide, and grouping anew, in a real lake."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows import explaining, health, published
from flows.deciding import decide
from flows.regrouping import regroup, told
from flows.texts_of_lakes import status_text
from flows.texts_of_matches import review_text, why_text
from schemas.errors import BusyError, SettingsError, UsageError
from tests.flows.nights import content_hash, night, rows, settings
from tests.flows.test_cli import paperlake
from warehouse import decisions
from warehouse.audit import audit
from warehouse.dedupe import explanation
from warehouse.dedupe.sifting import Sieve
from warehouse.dedupe.weights import WEIGHTS
from warehouse.snapshots import Lake

BY = {"who": "Ada", "why": "read both"}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, sandbox_url: str) -> Path:
    """A lake of one night."""
    lake = tmp_path_factory.mktemp("first") / "lake"
    night(lake, sandbox_url)
    return lake


@pytest.fixture
def lake(first: Path, lake_path: Path) -> Lake:
    """A copy of it."""
    shutil.copytree(first, lake_path, symlinks=True)
    return Lake(lake_path)


def pair(lake: Path, condition: str) -> tuple[str, str]:
    """The first pair of `match_evidence` that fulfils a condition."""
    found = rows(
        lake,
        f"select left_id, right_id from match_evidence where {condition} order by 1, 2 limit 1",
    )
    assert found, condition
    return found[0]["left_id"], found[0]["right_id"]


def strangers(lake: Path) -> tuple[str, str]:
    """Two listings that stand alone and share no key, so that they were never compared."""
    (found,) = rows(
        lake,
        "with alone as (select m.listing_id, k.blocks from lake.memberships as m "
        "join lake.match_keys as k on k.listing_id = m.listing_id where m.matched_by is null) "
        "select l.listing_id as one, r.listing_id as other from alone as l join alone as r "
        "on l.listing_id < r.listing_id and not list_has_any(l.blocks, r.blocks) "
        "order by 1, 2 limit 1",
    )
    return found["one"], found["other"]


def paper_ids(lake: Path) -> dict[str, str]:
    """The paper of every listing."""
    return {
        row["listing_id"]: row["paper_id"]
        for row in rows(lake, "select listing_id, paper_id from lake.memberships")
    }


# Why


def test_why_tells_what_the_night_found(first: Path) -> None:
    """Of every stored match, relation, score and each contribution are found again, with a sentence each."""
    stored = rows(first, "from match_evidence order by left_id, right_id limit 40")
    # Those that differ most and are told nevertheless.
    stored += rows(first, "from match_evidence where relation = 'related' order by score limit 20")
    for row in stored:
        answer = explaining.why(Lake(first), row["left_id"], row["right_id"])
        assert answer["is_compared"]
        assert (answer["relation"], answer["is_joined"]) == (row["relation"], row["is_joined"])
        assert answer["score"] == pytest.approx(row["score"], abs=0.002)
        told = {item["name"]: item["contribution"] for item in answer["evidence"]}
        kept = {item["name"]: item["contribution"] for item in row["evidence"]}
        assert told == pytest.approx(kept, abs=0.011)
        assert all(item["says"] == WEIGHTS[item["name"]].says for item in answer["evidence"])
        assert sum(told.values()) == pytest.approx(answer["score"], abs=0.1)


def test_why_tells_what_joins(first: Path) -> None:
    """Of two listings in one paper the way from one to the other is told, pair by pair."""
    (paper,) = rows(
        first,
        "select list_sort(list(listing_id)) as ids from lake.memberships group by paper_id "
        "having count(*) > 2 order by 1 limit 1",
    )
    one, other = paper["ids"][0], paper["ids"][-1]
    answer = explaining.why(Lake(first), one, other)
    assert answer["is_joined"]
    assert (answer["through"][0]["left_id"], answer["through"][-1]["right_id"]) == (one, other)
    assert all(step["by"] for step in answer["through"])
    assert answer["verdict"].startswith("They are in one paper")
    text = why_text(answer)
    for part in (one, other, answer["verdict"], "one work from 10 on"):
        assert part in text


def test_why_tells_what_keeps_apart(lake: Lake) -> None:
    """Listings that are alike and in two papers are said to be, with what forbids it: a person, a source, doubts."""
    alike = pair(lake.root, "is_joined and relation in ('same', 'version')")
    decide(lake, "apart", alike, **BY)
    regroup(settings(lake.root))
    verdict = explaining.why(lake, *alike)["verdict"]
    assert verdict.startswith("They are not in one paper, as Ada decided on")
    papers = [paper_ids(lake.root)[key] for key in alike]
    with published.reading(lake) as connection:
        assert "Ada decided that" in explaining._guard(connection, papers)
    papers = [paper_ids(lake.root)[key] for key in strangers(lake.root)]
    with published.reading(lake) as connection:
        told = explaining._guard(connection, papers)
        assert "more than 20% are too unlike" in told
        twins = rows(
            lake.root,
            "select min(paper_id) as one, max(paper_id) as other from lake.memberships "
            "where listing_id like 'arxiv:%'",
        )
        told = explaining._guard(connection, list(twins[0].values()))
        assert told.startswith("each has a listing of arxiv")
        assert "more than 20% are too unlike" in told


def test_why_shows_titles_whole(first: Path) -> None:
    """Where two long titles differ at their ends only, the difference is seen."""
    answer = explaining.why(Lake(first), *strangers(first))
    title = "On the patience of looms and of those who mend them in the long winters of the north"
    for record, end in zip(answer["records"], ("Part I: Warp", "Part II: Weft"), strict=True):
        record["title"] = f"{title}, {end}"
    text = why_text(answer)
    assert "Part I: Warp" in text
    assert "Part II: Weft" in text
    assert max(map(len, text.splitlines())) < 160


def test_why_compares_what_was_never_compared(first: Path) -> None:
    """Two listings that share no key are said to be so, and yet each reason is shown."""
    answer = explaining.why(Lake(first), *strangers(first))
    assert not answer["is_compared"]
    assert not answer["is_joined"]
    assert answer["comparison"].startswith("Never compared: no shared key.")
    assert "never compared" in answer["verdict"]
    assert answer["evidence"]
    assert answer["relation"] == "different"


def test_why_tells_of_keys_that_too_many_bear(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every shared key is borne by more than count, the pair was not compared either."""
    one, other = pair(first, "relation = 'same'")
    for module in (explanation, explaining):
        monkeypatch.setattr(module, "MOST_IN_BLOCK", 1)
    answer = explaining.why(Lake(first), one, other)
    assert not answer["is_compared"]
    assert "the rarest is borne by" in answer["comparison"]
    assert answer["evidence"]


def test_why_tells_of_pairs_that_were_passed_over(
    first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pair that the sieve leaves out shares keys and was not compared all the same."""
    one, other = pair(first, "relation = 'same'")
    monkeypatch.setattr(Sieve, "worthwhile", lambda *_: [False])
    answer = explaining.why(Lake(first), one, other)
    assert not answer["is_compared"]
    assert "a glance at their titles finds them too unlike" in answer["comparison"]


def test_why_takes_what_show_takes(first: Path) -> None:
    """A paper_id, a DOI, an arXiv id and an address lead to a listing; nothing, and one twice, are refused."""
    (row,) = rows(
        first,
        "select p.paper_id, p.best_listing_id, p.doi from lake.papers as p "
        "where p.doi is not null order by 1 limit 1",
    )
    (arxiv,) = rows(
        first,
        "select listing_id, arxiv_id from lake.listings where source = 'arxiv' "
        "and title is not null order by 1 limit 1",
    )
    lake = Lake(first)
    answer = explaining.why(lake, row["paper_id"], arxiv["arxiv_id"])
    ids = [record["listing_id"] for record in answer["records"]]
    assert ids == [row["best_listing_id"], arxiv["listing_id"]]
    address = f"https://doi.org/{row['doi']}"
    assert explaining.why(lake, address, arxiv["listing_id"])["records"][0]["doi"] == row["doi"]
    with pytest.raises(UsageError, match="Nothing is known as 'xyz'"):
        explaining.why(lake, "xyz", arxiv["listing_id"])
    with pytest.raises(UsageError, match="both lead to the listing"):
        explaining.why(lake, arxiv["arxiv_id"], arxiv["listing_id"])


# Decisions


def test_together_and_undone(lake: Lake) -> None:
    """A decision merges two papers as one snapshot; without it the lake has the papers and the hash of before."""
    before, hashed = paper_ids(lake.root), content_hash(lake.root)
    one, other = strangers(lake.root)
    done = decide(lake, "together", [one, other], **BY)
    assert (done.path, done.unknown) == (lake.root / decisions.NAME, [])
    run = regroup(settings(lake.root))
    assert (run.kind, run.state, run.snapshot, run.exit_code) == ("regroup", "published", 2, 0)
    answer = told(lake, run)
    assert answer["events"] == {"merged": 1, "split": 0, "restored": 0}
    assert {one, other} & set(answer["examples"][0]["listing_ids"])
    explained = explaining.why(lake, one, other)
    assert explained["verdict"] == "They are in one paper, by decision (Ada)."
    assert explained["decision"]["why"] == "read both"
    # A paper_id that was given up stands for the listing it was born with.
    assert explaining.why(lake, before[one], before[other])["is_joined"]
    assert regroup(settings(lake.root)).state == "unchanged"
    done.path.unlink()
    run = regroup(settings(lake.root))
    assert told(lake, run)["events"]["restored"] == 1
    assert (paper_ids(lake.root), content_hash(lake.root)) == (before, hashed)
    manifest = lake.manifest()
    assert manifest is not None
    assert audit(lake, manifest) == []
    assert health.check(lake)["is_sound"]


def test_apart_holds_against_identifiers(lake: Lake, sandbox_url: str) -> None:
    """Listings of one arXiv id are apart after a decision, in the nights that follow too, and checks allow it."""
    (paper,) = rows(
        lake.root,
        "select list_sort(list(listing_id)) as ids from lake.memberships "
        "where matched_by like '%arxiv%' group by paper_id having count(*) = 2 order by 1 limit 1",
    )
    one, other = paper["ids"]
    decide(lake, "apart", [one, other], **BY)
    run = night(lake.root, sandbox_url)
    assert (run.state, run.kind) == ("published", "nightly")
    found = paper_ids(lake.root)
    assert found[one] != found[other]
    assert explaining.why(lake, one, other)["verdict"] == (
        f"They are not in one paper, as Ada decided on {decisions.read(lake.root)[0].decided_on}: "
        "read both"
    )
    history = rows(lake.root, "select event, listing_ids from papers_history where snapshot = 2")
    assert any(
        row["event"] == "split" and set(row["listing_ids"]) <= {one, other} for row in history
    )
    assert health.check(lake)["is_sound"]


def test_a_contradiction_stops_a_run_before_it_asks(lake: Lake) -> None:
    """A night, an import and a regrouping refuse broken decisions with exit code 2, and fetch nothing."""
    one, other = strangers(lake.root)
    done = decide(lake, "together", [one, other], **BY)
    with pytest.raises(SettingsError, match="contradicts itself"):
        decide(lake, "apart", [other, one], **BY)
    text = done.path.read_text(encoding="utf-8")
    done.path.write_text(text + text.replace("together", "apart"), encoding="utf-8")
    home = lake.root.parent
    # Nobody listens there: a run that asked would fail in another way.
    for args in (
        ["nightly", "--no-prefect", "--sandbox", "http://127.0.0.1:9"],
        ["backfill", "--source", "arxiv", "--from", "2026-03-01", "--to", "2026-03-02"],
        ["import", "arxiv", str(home / "lake" / "lake.json")],
        ["regroup"],
    ):
        done_ = paperlake(*args, cwd=home)
        assert done_.returncode == 2, done_.stderr
        assert "contradicts itself" in done_.stderr
        assert "Traceback" not in done_.stderr
    assert len(lake.numbers()) == 1
    assert lake.state("nightly") is None
    assert "contradicts itself" in status_text(health.status(settings(lake.root), lake))


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["perhaps", "arxiv:1", "arxiv:2"], "verdict is 'perhaps', neither 'together' nor 'apart'"),
        (["apart", "arxiv:1"], "names 1: name others"),
        (["apart", "arxiv:1", "arxiv:1"], "names 1: name others"),
        (["apart", "arxiv:1", "nonsense"], "Nothing is known as 'nonsense'"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(lake: Lake, args: list[str], told: str) -> None:
    """Exit code 2, one sentence, and nothing is written."""
    done = paperlake("decide", *args, "--who", "Ada", "--why", "so", cwd=lake.root.parent)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (lake.root / decisions.NAME).exists()


def test_unknown_listings_are_a_warning(lake: Lake) -> None:
    """A decision about a listing that may come is written; run and command say that it is not there."""
    one, _ = strangers(lake.root)
    done = decide(lake, "together", [one, "dblp:conf/x/1"], **BY)
    assert done.unknown == ["dblp:conf/x/1"]
    run = regroup(settings(lake.root))
    assert run.state == "published"
    assert len(run.warnings) == 1
    assert "not in the lake: dblp:conf/x/1." in run.warnings[0]
    (row,) = rows(lake.root, "select warnings from runs where kind = 'regroup'")
    assert row["warnings"] == list(run.warnings)


# Regrouping


def test_a_new_model_is_a_snapshot_of_its_own(lake: Lake) -> None:
    """Made of the same listings under the same rules, it has another number, and the papers stay."""
    before = paper_ids(lake.root)
    run = regroup(settings(lake.root), with_new_model=True)
    assert (run.kind, run.state, run.snapshot) == ("model", "published", 2)
    answer = told(lake, run)
    assert (answer["matching"]["model"], set(answer["events"].values())) == (2, {0})
    assert paper_ids(lake.root) == before
    assert rows(lake.root, "select distinct model from match_evidence") == [{"model": 2}]
    assert health.check(lake)["is_sound"]


def test_regroup_takes_the_lock_and_goes_through_the_checks(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another writes it is refused; a check that fails blocks it, and --allow lets it through."""
    one, other = strangers(lake.root)
    decide(lake, "together", [one, other], **BY)
    lake.lock.acquire("a test")
    with pytest.raises(BusyError):
        regroup(settings(lake.root))
    lake.lock.release()
    from warehouse.verify import run_checks

    def failing(*given: Any) -> Any:
        return {**run_checks(*given), "listed_twice_does_not_jump": [{"what": "snapshot 2"}]}

    monkeypatch.setattr("flows.pipeline.run_checks", failing)
    run = regroup(settings(lake.root))
    assert (run.state, run.exit_code, run.snapshot) == ("blocked", 5, None)
    assert len(lake.numbers()) == 1
    allowed = regroup(settings(lake.root), overrides=["listed_twice_does_not_jump"])
    assert (allowed.state, allowed.snapshot) == ("published", 2)


def test_where_there_is_nothing_to_group(lake_path: Path) -> None:
    """Without a lake it is refused, and none is made."""
    with pytest.raises(UsageError, match="There is no lake"):
        regroup(settings(lake_path))
    assert not lake_path.exists()


# Review and status


def test_review_begins_with_the_least_certain(first: Path) -> None:
    """By distance from the sum that decides; each with reasons and what to type."""
    found = explaining.review(Lake(first), 500)
    distances = [abs(row["score"] - 10) for row in found]
    assert found
    assert distances == sorted(distances)
    assert len(explaining.review(Lake(first), 1)) == 1
    for row in found:
        assert row["decide"]["apart"].startswith("paperlake decide apart ")
        assert row["state"] in ("undecided", "barely joined", "kept apart")
        # Typed where this lake is not the one that is meant without saying so.
        assert all(text.endswith(f" --lake {first}") for text in row["decide"].values())
    assert "paperlake decide together" in review_text(found)


def test_what_was_decided_is_not_reviewed_again(lake: Lake) -> None:
    """A decision takes its pair off the list, and an undecided one off the snapshot's count."""
    (first_, *_) = explaining.review(lake, 1)
    decide(lake, "apart", [first_["left_id"], first_["right_id"]], **BY)
    regroup(settings(lake.root))
    pairs = {(row["left_id"], row["right_id"]) for row in explaining.review(lake, 500)}
    assert (first_["left_id"], first_["right_id"]) not in pairs


def test_status_tells_of_the_model_and_of_decisions(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's number and age, decisions that wait, and when a new model is due."""
    decide(lake, "together", strangers(lake.root), **BY)
    answer = health.status(settings(lake.root), lake)
    matching = answer["matching"]
    assert (matching["model"], matching["is_model_outgrown"]) == (1, False)
    assert matching["n_records"] == matching["n_listings"]
    assert (matching["n_decisions"], matching["n_decisions_to_apply"]) == (1, 1)
    assert "the next run applies them" in status_text(answer)
    matching |= {"is_model_outgrown": True, "n_undecided": 3}
    text = status_text(answer)
    assert "`paperlake regroup --new-model`" in text
    assert "3 pairs, see `paperlake review`" in text
    regroup(settings(lake.root))
    assert health.status(settings(lake.root), lake)["matching"]["n_decisions_to_apply"] == 0


def test_counts_stand_in_the_snapshot(lake: Lake) -> None:
    """Each snapshot tells what checks compare, and it is what the views tell."""
    (told_,) = rows(
        lake.root,
        "select n_undecided, n_largest_paper, n_papers_of_two_dois, n_papers_listed_twice "
        "from snapshots",
    )
    (found,) = rows(
        lake.root,
        """
        select
            (select count(*) from match_evidence where relation = 'undecided' and not is_joined)
                as n_undecided,
            (select max(listings_count) from papers) as n_largest_paper,
            (select count(*) from (
                select distinct paper_id from identifiers where scheme = 'doi'
                group by paper_id, split_part(value, '/', 1) having count(distinct value) > 1
            )) as n_papers_of_two_dois,
            (select count(*) from (
                select distinct paper_id from listings
                where source in ('arxiv', 'huggingface') and paper_id is not null
                group by paper_id, source having count(*) > 1
            )) as n_papers_listed_twice,
        """,
    )
    assert told_ == found
    one, other = (
        row["listing_id"]
        for row in rows(
            lake.root,
            "select listing_id from lake.memberships where listing_id like 'arxiv:%' limit 2",
        )
    )
    decide(lake, "together", [one, other], **BY)
    regroup(settings(lake.root))
    counts = rows(lake.root, "select n_papers_listed_twice as n from snapshots order by snapshot")
    assert counts[1]["n"] == counts[0]["n"] + 1


def test_the_commands_answer(lake: Lake) -> None:
    """Typed by a user: each ends with 0, tells it in text, and in JSON."""
    home = lake.root.parent
    one, other = strangers(lake.root)
    by = ["--who", "Ada", "--why", "read both"]
    for args, part in (
        (["why", one, other], "Never compared: no shared key."),
        (["review", "--limit", "2"], "`paperlake why A B` shows both records"),
        (["decide", "together", one, other, *by], "now: `paperlake regroup`"),
        (["regroup"], "1 merged, 0 split, 0 restored"),
        (["regroup", "--new-model"], "Model 2 is made of"),
    ):
        done = paperlake(*args, cwd=home)
        assert done.returncode == 0, done.stderr
        assert part in done.stdout
        assert "Warning" not in done.stderr
    for args in (["why", one, other], ["review"], ["regroup"]):
        done = paperlake(*args, "--json", cwd=home)
        assert done.returncode == 0
        assert done.stdout[0] in "[{"
