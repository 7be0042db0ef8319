"""Exports: whole or not at all, the same bytes for the same snapshot, and nothing foreign replaced."""

import fcntl
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.errors import BusyError, LakeError, PaperlakeError, UsageError
from tests.warehouse import lakes
from warehouse import exports
from warehouse.exports import export
from warehouse.files import write_json
from warehouse.manifest import Manifest, quoted, to_json
from warehouse.reading import open_warehouse
from warehouse.viewfiles import load_views

VIEWS = sorted(view.name for view in load_views())


class Made:
    """A lake of one snapshot, with its warehouse."""

    def __init__(self, root: Path, snapshot: int = 1, n_papers: int = 3) -> None:
        self.root = root
        rows = lakes.small_rows()
        for number in range(n_papers - 3):
            key = f"arxiv:2601.{number:05}"
            rows["listings"].append(lakes.listing(key, abstract=f"Abstract {number}. " * 10))
            rows["papers"].append(
                lakes.paper(f"q{number}", key, abstract=f"Abstract {number}. " * 10)
            )
            rows["memberships"].append(lakes.member(key, f"q{number}"))
        rows["metrics"] = [lakes.metric("huggingface:2611.00001", lakes.NOON, rank=1, upvotes=7)]
        root.mkdir()
        self.manifest: Manifest = lakes.lake(root, rows, snapshot=snapshot)
        self.warehouse = lakes.built(root, self.manifest)
        (root / "manifest.json").write_bytes(to_json(self.manifest))

    def export(self, target: Path, **options: Any) -> dict[str, Any]:
        """Export it."""
        return export(self.root, self.manifest, self.warehouse, target, **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A small lake."""
    return Made(tmp_path_factory.mktemp("exports") / "lake")


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A larger lake, of a later snapshot."""
    return Made(tmp_path_factory.mktemp("later") / "lake", snapshot=2, n_papers=200)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def is_whole(folder: Path) -> bool:
    """Whether a folder holds exactly what its manifest says."""
    told = json.loads((folder / "manifest.json").read_bytes())
    names = {"manifest.json"}
    for file in told["files"]:
        names.add(file["path"])
        data = (folder / file["path"]).read_bytes()
        if len(data) != file["bytes"] or hashlib.sha256(data).hexdigest() != file["sha256"]:
            return False
    return names == {path.name for path in folder.iterdir()}


def hidden(target: Path) -> list[str]:
    """What lies beside a target, its lock aside."""
    return sorted(
        path.name
        for path in target.parent.iterdir()
        if path != target and not path.name.endswith("-lock")
    )


def test_every_view_has_a_file_with_its_rows(made: Made, tmp_path: Path) -> None:
    """A file a view, in the view's order, with the rows, types and sentences of the view."""
    target = tmp_path / "out"
    told = made.export(target, lake_id="abc")
    assert json.loads((target / "manifest.json").read_bytes()) == told
    assert (told["format"], told["format_version"]) == ("paperlake-export", 1)
    assert (told["snapshot"], told["lake_id"]) == (1, "abc")
    assert told["created_at"] == "2026-11-20T12:00:00+00:00"
    assert told["content_hash"] == made.manifest.content_hash
    assert [file["view"] for file in told["files"]] == VIEWS
    assert is_whole(target)
    assert hidden(target) == []
    views = {view.name: view for view in load_views()}
    with open_warehouse(made.warehouse) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for file in told["files"]:
            view, path = views[file["view"]], target / file["path"]
            assert file["path"] == f"{view.name}.parquet"
            assert tuple(file["key"]) == view.key
            assert tuple(file["sorted_by"]) == view.order
            order = ", ".join(
                f'"{name}" nulls last' for name in dict.fromkeys(view.order + view.key)
            )
            stored = connection.execute(f"from read_parquet({quoted(str(path))})").fetchall()
            shown = connection.execute(f'from main."{view.name}" order by {order}').fetchall()
            assert stored == shown, view.name
            assert file["rows"] == len(shown)
            schema = pq.read_schema(path)
            assert [item["name"] for item in file["schema"]] == schema.names
            for item in file["schema"]:
                assert item["description"]
                metadata = schema.field(item["name"]).metadata
                assert metadata is not None
                assert metadata[b"description"].decode() == item["description"]
            types = [
                row[1] for row in connection.execute(f'describe main."{view.name}"').fetchall()
            ]
            read = connection.execute(f"describe from read_parquet({quoted(str(path))})").fetchall()
            assert [row[1] for row in read] == types, view.name


def test_the_same_snapshot_gives_the_same_bytes(later: Made, tmp_path: Path) -> None:
    """Exported twice, with other threads and batches, every file is the same to the byte."""
    later.export(tmp_path / "one", lake_id="x")
    later.export(tmp_path / "two", lake_id="x")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_bytes_do_not_depend_on_batches(
    later: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where DuckDB cuts its batches leaves no trace in a file, and row groups are of one size."""
    monkeypatch.setattr(exports, "ROW_GROUP", 64)
    later.export(tmp_path / "one")
    monkeypatch.setattr(exports, "_BATCH", 2048)
    later.export(tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    metadata = pq.ParquetFile(tmp_path / "one" / "papers.parquet").metadata
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sizes == [64, 64, 64, 8]
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_groups_are_cut_at_rows_not_at_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever batches come, every group but the last has exactly its rows, in order and in one chunk."""
    import pyarrow as pa

    monkeypatch.setattr(exports, "ROW_GROUP", 10)
    schema = pa.schema([pa.field("n", pa.int64())])
    for sizes in ([], [0], [10], [3, 3, 3, 1, 1], [25], [9, 0, 12, 9], [10, 10]):
        values = iter(range(1000))
        batches = [
            pa.record_batch([pa.array([next(values) for _ in range(n)], pa.int64())], schema=schema)
            for n in sizes
        ]
        groups = list(exports._groups(pa.RecordBatchReader.from_batches(schema, batches)))
        rows = [n for group in groups for n in group["n"].to_pylist()]
        assert rows == list(range(sum(sizes)))
        assert all(group.num_rows == 10 for group in groups[:-1])
        assert all(group["n"].num_chunks == 1 for group in groups)


def test_a_second_export_replaces_the_first(made: Made, later: Made, tmp_path: Path) -> None:
    """The target holds the later export alone, of the views that were asked for."""
    target = tmp_path / "out"
    made.export(target)
    target.chmod(0o750)
    told = later.export(target, views=["sources", "papers", "papers"])
    assert [file["view"] for file in told["files"]] == ["papers", "sources"]
    assert sorted(contents(target)) == ["manifest.json", "papers.parquet", "sources.parquet"]
    assert is_whole(target)
    assert target.stat().st_mode & 0o777 == 0o750
    assert hidden(target) == []


def test_without_an_exchange_two_renames_do(
    made: Made, later: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system cannot exchange names, the export is put in place all the same."""
    monkeypatch.setattr(exports, "_renameat2", lambda: None)
    target = tmp_path / "out"
    made.export(target)
    assert later.export(target)["snapshot"] == 2
    assert is_whole(target)
    assert hidden(target) == []


def test_an_unknown_view_is_named_with_the_choice(made: Made, tmp_path: Path) -> None:
    """A wrong name costs nothing and tells the right ones."""
    with pytest.raises(UsageError, match=r"no view 'paper'.*papers.*trending_papers"):
        made.export(tmp_path / "out", views=["papers", "paper"])
    with pytest.raises(UsageError, match=r"No view was named"):
        made.export(tmp_path / "out", views=[])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": "mine"},
        {"manifest.json": "{}"},
        {"manifest.json": '{"format": "other", "files": []}'},
        {"manifest.json": '{"format": "paperlake-export", "files": []}', "notes.txt": "mine"},
        {"manifest.json": '{"format": "paperlake-export"}'},
        {"manifest.json": "[]"},
        {"manifest.json": "not json"},
        {".hidden": ""},
    ],
)
def test_a_foreign_folder_is_refused(made: Made, tmp_path: Path, files: dict[str, str]) -> None:
    """A folder that holds anything but an earlier export stays as it is."""
    target = tmp_path / "out"
    target.mkdir()
    for name, text in files.items():
        (target / name).write_text(text)
    before = contents(target)
    with pytest.raises(UsageError, match="no export of ours"):
        made.export(target)
    assert contents(target) == before
    assert hidden(target) == []


def test_what_is_put_beside_an_export_is_kept(made: Made, tmp_path: Path) -> None:
    """Somebody's file among ours stops the next export before it is lost."""
    target = tmp_path / "out"
    made.export(target)
    (target / "README.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"README\.txt"):
        made.export(target)
    assert (target / "README.txt").read_text() == "mine"


def test_what_comes_during_an_export_is_kept(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that appears in the target while the export is made is not lost either."""
    target = tmp_path / "out"

    def meanwhile(path: Path, value: Any) -> None:
        target.mkdir()
        (target / "mine").write_text("mine")
        write_json(path, value)

    monkeypatch.setattr("warehouse.exports.write_json", meanwhile)
    with pytest.raises(UsageError, match="no export of ours"):
        made.export(target)
    assert contents(target) == {"mine": b"mine"}
    assert hidden(target) == []


def test_odd_targets(made: Made, tmp_path: Path) -> None:
    """Empty folders, missing parents, links and odd names work; files and the lake itself do not."""
    (tmp_path / "empty").mkdir()
    made.export(tmp_path / "empty", views=["sources"])
    made.export(tmp_path / "a" / "b" / 'o\'neil "x" ż', views=["sources"])
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    made.export(tmp_path / "link", views=["sources"])
    assert (tmp_path / "link").is_symlink()
    assert is_whole(tmp_path / "real")
    (tmp_path / "file").write_text("mine")
    for target in (tmp_path / "file", tmp_path / "file" / "out", made.root, made.root / "out"):
        with pytest.raises(UsageError):
            made.export(target, views=["sources"])
    assert (tmp_path / "file").read_text() == "mine"


def test_one_export_to_a_target_at_a_time(made: Made, tmp_path: Path) -> None:
    """While another process exports to the same target, an export ends at once and says so."""
    target = tmp_path / "out"
    made.export(target, views=["sources"])
    before = contents(target)
    lock = tmp_path / ".out.paperlake-export-lock"
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="Another process exports"):
            made.export(target)
    assert contents(target) == before
    made.export(target)
    assert is_whole(target)


def test_leftovers_of_this_target_alone_are_cleaned(made: Made, tmp_path: Path) -> None:
    """What a killed export left is removed by the next one to the same target, and nothing else."""
    ours = tmp_path / ".out.paperlake-export-0123456789ab"
    others = [
        tmp_path / ".out2.paperlake-export-0123456789ab",
        tmp_path / ".out.paperlake-export-mine",
        tmp_path / ".out",
    ]
    for folder in (ours, *others):
        (folder / "new").mkdir(parents=True)
    made.export(tmp_path / "out", views=["sources"])
    assert not ours.exists()
    assert all(folder.exists() for folder in others)


def test_a_view_that_cannot_be_read_leaves_the_earlier_export(made: Made, tmp_path: Path) -> None:
    """When a file of the lake is missing, the earlier export stays and nothing is left beside it."""
    target = tmp_path / "out"
    broken = Made(tmp_path / "lake")
    broken.export(target)
    before = contents(target)
    (broken.root / broken.manifest.tables["listings"].base[0].path).unlink()
    with pytest.raises(LakeError, match=r"The view \w+ cannot be read"):
        broken.export(target)
    assert contents(target) == before
    assert hidden(target) == ["lake"]


def test_a_full_disk_is_told(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room the export fails in a sentence, and leaves nothing."""

    def full(path: Path, value: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("warehouse.exports.write_json", full)
    with pytest.raises(PaperlakeError, match="No space left on device") as caught:
        made.export(tmp_path / "out")
    assert caught.value.exit_code == 1
    assert hidden(tmp_path / "out") == []
    assert not (tmp_path / "out").exists()


# Processes

LOOP = """
import sys
from pathlib import Path
from warehouse.exports import export
from warehouse.files import write_json
from warehouse.manifest import from_json

target, *roots = map(Path, sys.argv[1:])
lakes = [(root, from_json((root / "manifest.json").read_bytes())) for root in roots]
print("ready", flush=True)
while True:
    for root, manifest in lakes:
        export(root, manifest, root / "warehouse.duckdb", target,
               views=["papers", "sources", "authorships"])
        print("exported", flush=True)
"""


def looping(target: Path, *lakes_: Made) -> "subprocess.Popen[str]":
    """A process that exports the lakes in turn to one target, for ever, and says each time when it has."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(target), *(str(made.root) for made in lakes_)],
        stdout=subprocess.PIPE,
        text=True,
    )
    await_line(process, "ready\n")
    return process


def await_line(process: "subprocess.Popen[str]", line: str) -> None:
    """Wait until a process says a line."""
    assert process.stdout is not None
    assert process.stdout.readline() == line


def test_a_killed_export_is_whole_or_absent(made: Made, later: Made, tmp_path: Path) -> None:
    """Whenever exports are killed, the target holds one whole export, and the next one cleans up."""
    target = tmp_path / "out"
    chance = random.Random(7)
    began = time.monotonic()
    made.export(tmp_path / "timed")
    seconds = time.monotonic() - began
    for number in range(6):
        process = looping(target, made, later)
        n_exported = number // 2
        for _ in range(n_exported):
            await_line(process, "exported\n")
        # Anywhere in the next one.
        time.sleep(chance.uniform(0.0, seconds))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert target.exists() or not n_exported
        assert not target.exists() or is_whole(target)
    made.export(target)
    assert is_whole(target)
    assert hidden(target) == ["timed"]


def test_a_reader_never_sees_a_mix(made: Made, later: Made, tmp_path: Path) -> None:
    """While exports replace each other, a reader who compares with the manifest gets one of them whole.

    The documented protocol: read the manifest; if a file does not match it, begin again.
    """
    target = tmp_path / "out"
    made.export(target, views=["papers", "sources", "authorships"])
    process = looping(target, made, later)
    seen: list[int] = []
    read = 0
    try:
        # Until it has been replaced so often under the reader's eyes.
        while len(seen) < 8 or read < 20:
            # The target is there at every moment: this must never fail.
            told = json.loads((target / "manifest.json").read_bytes())
            try:
                data = {
                    file["path"]: (target / file["path"]).read_bytes() for file in told["files"]
                }
            except FileNotFoundError:
                continue
            if any(
                hashlib.sha256(data[file["path"]]).hexdigest() != file["sha256"]
                for file in told["files"]
            ):
                continue
            read += 1
            if seen[-1:] != [told["snapshot"]]:
                seen.append(told["snapshot"])
            n_papers = {1: 3, 2: 200}[told["snapshot"]]
            assert [f["rows"] for f in told["files"] if f["view"] == "papers"] == [n_papers]
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert is_whole(target)
