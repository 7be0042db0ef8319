"""The doctor's look at settings, disk and lake: each fault is made for real, and must be told."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.doctor import disk
from flows.doctor.findings import Asked, Finding
from flows.settings import load_settings
from flows.source import load_sources
from tests.flows.examined import command, doctor, environment
from tests.flows.nights import night
from warehouse import files
from warehouse.manifest import Manifest
from warehouse.snapshots import Lake

CONTACT = {"PAPERLAKE_CONTACT": "me@somewhere.org"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sandbox_url: str) -> Path:
    """A folder with a lake of two nights in ./lake."""
    folder = tmp_path_factory.mktemp("home")
    night(folder / "lake", sandbox_url)
    night(folder / "lake", sandbox_url)
    return folder


@pytest.fixture
def own(home: Path, tmp_path: Path) -> Path:
    """A folder with a lake of its own to damage."""
    shutil.copytree(home / "lake", tmp_path / "lake", symlinks=True)
    return tmp_path


def newest(cwd: Path) -> Manifest:
    """The newest manifest of a folder's lake."""
    manifest = Lake(cwd / "lake").manifest()
    assert manifest is not None
    return manifest


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder with size and time of change."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in [folder, *folder.rglob("*")]
    }


def test_a_sound_lake_is_well_and_stays_as_it_is(home: Path, sandbox_url: str) -> None:
    """Nothing is wrong with a sound lake, every check says so, and no file of it changes."""
    before = tree(home / "lake")
    examined = doctor(home, "--sandbox", sandbox_url, "--deep")
    assert examined.code == 0
    assert {item.name for item in examined.findings if item.state == "ok"} == {
        "settings",
        "versions",
        "disk",
        "clock",
        "locks",
        "unfinished",
        "snapshots",
        "files",
        "orphans",
        "warehouse",
        "prefect",
        "sources",
        "circuits",
        "sha256",
    }
    assert [item.name for item in examined.findings if item.state != "ok"] == ["contact"]
    assert len(examined.of("sources", "ok")) == len(load_sources())
    assert tree(home / "lake") == before


def test_the_table_is_for_people(home: Path) -> None:
    """Without --json each finding is a line with its advice below; --quiet tells problems only."""
    told = subprocess.run(
        command("--offline"),
        cwd=home,
        env=environment(home, PAPERLAKE_CONTCT="x"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 0
    lines = told.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("warning"))
    assert "PAPERLAKE_CONTCT is set" in lines[at]
    assert lines[at + 1].lstrip().startswith("-> If PAPERLAKE_CONTACT is meant")
    assert lines[-1].startswith("1 warning")
    quiet = subprocess.run(
        command("--offline", "--quiet"),
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_lake_that_does_not_exist_is_looked_for_and_not_made(tmp_path: Path) -> None:
    """Before the first night settings, disk and clock are examined, and nothing is left behind."""
    examined = doctor(tmp_path, "--offline", **CONTACT)
    assert examined.code == 0
    examined.the("snapshots", "note", "There is no lake")
    for name in ("settings", "contact", "versions", "disk", "clock"):
        assert examined.of(name, "ok"), name
    assert list(tmp_path.iterdir()) == []


# Settings, contact, versions


def test_variables_that_no_setting_knows_are_told_with_the_nearest(tmp_path: Path) -> None:
    """A misspelt setting is a warning with the name that is meant, also where the prefix is wrong."""
    examined = doctor(
        tmp_path,
        "--offline",
        **CONTACT,
        PAPERLAKE_ATTEMPT="7",
        PAPER_LAKE_CONTACT="x",
        PAPERLAKE_ZZZ="1",
        paperlake_trending_size="50",
    )
    for name, near in (
        ("PAPERLAKE_ATTEMPT", "PAPERLAKE_ATTEMPTS"),
        ("PAPER_LAKE_CONTACT", "PAPERLAKE_CONTACT"),
    ):
        assert f"If {near} is meant" in str(examined.the("settings", "warning", f"{name} ").advice)
    unknown = examined.the("settings", "warning", "PAPERLAKE_ZZZ")
    assert "is meant" not in str(unknown.advice)
    assert len(examined.of("settings")) == 3


def test_settings_that_make_no_sense_together_are_told(own: Path) -> None:
    """Too little patience, an address for no source, and shared files inside the lake are findings."""
    examined = doctor(
        own,
        "--offline",
        PAPERLAKE_ATTEMPTS="1",
        PAPERLAKE_REQUEST_SECONDS="10",
        PAPERLAKE_MAX_RETRY_AFTER_SECONDS="5",
        PAPERLAKE_STATE_DIR=str(own / "lake" / "pace"),
        PAPERLAKE_BASE_URLS='{"arxive": "http://127.0.0.1:1", "arxiv": "http://127.0.0.1:1"}',
    )
    assert "Choose among arxiv" in str(examined.the("settings", "problem", "'arxive'").advice)
    examined.the("settings", "note", "counts as real papers")
    examined.the("settings", "warning", "PAPERLAKE_ATTEMPTS is 1")
    examined.the("settings", "warning", "PAPERLAKE_REQUEST_SECONDS is 10", "arxiv")
    examined.the("settings", "warning", "PAPERLAKE_MAX_RETRY_AFTER_SECONDS is 5")
    examined.the("settings", "warning", "inside the lake")


def test_a_setting_that_does_not_parse_is_exit_2(tmp_path: Path) -> None:
    """What is no setting at all ends every command the same way, naming the variable."""
    done = subprocess.run(
        command(),
        cwd=tmp_path,
        env=environment(tmp_path, PAPERLAKE_ATTEMPTS="many"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "PAPERLAKE_ATTEMPTS" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("contact", "state", "words"),
    [
        ("", "problem", "is not set"),
        ("me (home) me@somewhere.org", "problem", "User-Agent"),
        ("mé@somewhere.org", "problem", "User-Agent"),
        ("me", "problem", "neither a mail address nor a URL"),
        ("you@example.org", "warning", "an example"),
        ("https://somewhere.org/about", "ok", "https://somewhere.org/about"),
    ],
)
def test_a_contact_must_be_one(contact: str, state: str, words: str, tmp_path: Path) -> None:
    """A contact that is missing, cannot be sent or reaches nobody is told, a good one is shown."""
    examined = doctor(tmp_path, "--offline", PAPERLAKE_CONTACT=contact)
    examined.the("contact", state, words)


def test_versions_outside_the_declared_bounds_are_problems(tmp_path: Path) -> None:
    """A package that is too new, one that is missing, and a Python that is too old are named."""
    site = tmp_path / "site"
    declared = {
        "fastapi": ("9.9.9", []),
        "paperlake": (
            "0.1.0",
            [
                "Requires-Python: >=3.99",
                "Requires-Dist: fastapi<0.151",
                "Requires-Dist: no-such-package>=1",
                "Requires-Dist: duckdb>=1.5.5,<3",
                "Requires-Dist: not-even-asked-for; extra == 'test'",
            ],
        ),
    }
    for name, (version, lines) in declared.items():
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines]
        (folder / "METADATA").write_text("\n".join(head) + "\n")
    examined = doctor(tmp_path, "--offline", after=str(site), **CONTACT)
    examined.the("versions", "problem", "needs >=3.99")
    fastapi = examined.the("versions", "problem", "fastapi is 9.9.9")
    assert "pip install 'fastapi<0.151'" in str(fastapi.advice)
    examined.the("versions", "problem", "no-such-package is not installed")
    assert len(examined.of("versions")) == 3


# Disk


def unshared(script: str) -> list[str]:
    """Start the command in a mount namespace of its own, after a script."""
    for own in (["unshare", "-m"], ["unshare", "-rm"]):
        mounting = [*own, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if (
            shutil.which("unshare")
            and not subprocess.run(mounting, capture_output=True, check=False).returncode
        ):
            return [*own, "sh", "-ec", f'{script}; exec "$0" "$@"']
    # Containers may forbid mounts to everybody. Nothing is hidden by it: what doctor finds on such
    # disks, `test_what_a_disk_says_of_itself_is_told` looks at without a mount.
    pytest.skip("no disk can be mounted here, with or without a user namespace")


def test_a_disk_without_room_is_told(tmp_path: Path) -> None:
    """A small disk in memory lacks room and inodes, and is gone after a restart."""
    (tmp_path / "lake").mkdir()
    mount = f"mount -t tmpfs -o size=1m,nr_inodes=40 tmpfs {tmp_path}/lake"
    examined = doctor(tmp_path, "--offline", before=unshared(mount), **CONTACT)
    room = examined.the("disk", "problem", "are free at", "may need 500 MB")
    assert "Make room" in str(room.advice)
    examined.the("disk", "problem", "inodes")
    examined.the("disk", "warning", "in memory (tmpfs)")


def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    """Where nothing at all fits, it is room that is missing, not an ability of the disk."""
    (tmp_path / "lake").mkdir()
    mount = f"mount -t tmpfs -o size=16k tmpfs {tmp_path}/lake"
    examined = doctor(tmp_path, "--offline", before=unshared(mount), **CONTACT)
    (only,) = examined.of("disk", "problem")
    assert "0 bytes are free" in only.seen or "kB are free" in only.seen


def test_a_lake_mounted_read_only_can_be_examined(own: Path, sandbox_url: str) -> None:
    """A reader's mount is a warning and no problem; everything that reading needs is examined."""
    mount = f"mount --bind {own}/lake {own}/lake; mount -o remount,bind,ro {own}/lake"
    before = tree(own / "lake")
    examined = doctor(own, "--sandbox", sandbox_url, "--deep", before=unshared(mount))
    assert examined.code == 0, examined.findings
    examined.the("disk", "warning", "mounted read-only")
    assert examined.of("warehouse", "ok")
    assert examined.of("sha256", "ok")
    assert tree(own / "lake") == before


# PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: gone with the exec that follows.
RESTRICT = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for capability in (1, 2):
    assert libc.prctl(24, capability, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[1], sys.argv[1:])
"""


def restricted() -> list[str]:
    """Start the command without the right to pass over permissions, which root would have."""
    return [sys.executable, "-c", RESTRICT] if os.geteuid() == 0 else []


def test_permissions_are_told_with_owner_and_mode(own: Path) -> None:
    """A lake that cannot be written is a warning, one that cannot be read or made is a problem."""
    before = restricted()
    lake, data, closed = own / "lake", own / "lake" / "data", own / "closed"
    closed.mkdir(mode=0o555)
    try:
        data.chmod(0o555)
        examined = doctor(own, "--offline", before=before)
        seen = examined.the("disk", "warning", "cannot write it").seen
        assert f"belongs to user {os.geteuid()} with mode 555" in seen
        data.chmod(0o000)
        examined = doctor(own, "--offline", before=before)
        examined.the("disk", "problem", "Not readable", "data")
        lake.chmod(0o000)
        examined = doctor(own, "--offline", before=before)
        examined.the("disk", "problem", "Not readable", str(lake))
        lake.chmod(0o755)
        examined = doctor(own, "--offline", "--lake", "closed/lake", before=before)
        examined.the("disk", "problem", "cannot be made", "mode 555")
    finally:
        for folder in (lake, data, closed):
            folder.chmod(0o755)


def test_folders_that_cannot_be_a_lake_are_told(tmp_path: Path) -> None:
    """A file, a folder with other things, a name that DuckDB misreads: each is told with what to do."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("mine")
    for name, words in (("file", "is a file"), ("thesis", "holds no lake"), ("a\\b", "backslash")):
        examined = doctor(tmp_path, "--offline", "--lake", name, **CONTACT)
        assert "--lake DIR" in str(examined.the("disk", "problem", words).advice)


def looked_at(cwd: Path) -> list[Finding]:
    """What the check of the disk finds, in this process."""
    settings = load_settings(
        lake=cwd / "lake", state_dir=cwd / "shared", contact="me@somewhere.org"
    )
    return list(disk.disk(Asked(settings, Lake(settings.lake), {})))


def test_what_a_disk_says_of_itself_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room, inodes, memory and read-only mounts are judged by what the system says of the disk."""
    (tmp_path / "lake").mkdir()
    real = os.statvfs(tmp_path)

    def found(name: str, mount: files.Mount, **numbers: int) -> str:
        values = {field: getattr(real, field) for field in dir(real) if field.startswith("f_")}
        said = SimpleNamespace(**{**values, "f_files": 10_000, "f_favail": 9_000, **numbers})
        monkeypatch.setattr(os, "statvfs", lambda _: said)
        monkeypatch.setattr(disk, "mount_of", lambda _: mount)
        return "\n".join(item.seen for item in looked_at(tmp_path) if item.state == name)

    plain = files.Mount(str(tmp_path), "ext4", False)
    assert found("problem", plain) == ""
    assert "may need 500 MB" in found("problem", plain, f_bavail=1_000, f_frsize=1_024)
    assert "may need 500 MB" in found("warning", plain, f_bavail=100_000, f_frsize=1_024)
    assert "runs out of inodes" in found("problem", plain, f_favail=9)
    assert "runs out of inodes" in found("warning", plain, f_favail=900)
    assert "in memory (tmpfs)" in found("warning", files.Mount(str(tmp_path), "tmpfs", False))


def test_a_network_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor says of a network disk what a night would say; here this very disk counts as one."""
    mount = files.mount_of(tmp_path)
    assert mount is not None
    monkeypatch.setattr(files, "_NETWORK_TYPES", (mount.type,))
    found = [item for item in looked_at(tmp_path) if item.state != "ok"]
    assert [item.state for item in found] == ["warning", "problem"]
    assert "network file system" in found[1].seen
    assert "local disk" in str(found[1].advice)


@pytest.mark.parametrize(
    ("name", "words"),
    [("link", "published"), ("symlink", "warehouse.duckdb"), ("fsync", "durable")],
)
def test_a_disk_that_cannot_publish_is_told(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without hard links, links or fsync is told before a night finds out, and nothing is left."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, name, refuse)
    (found,) = (item for item in looked_at(tmp_path) if item.state == "problem")
    assert words in found.seen
    assert "ext4" in str(found.advice)
    assert list(tmp_path.iterdir()) == []


# Locks and unfinished runs

HOLD = """
import os, sys, time
from pathlib import Path
from warehouse.files import Lock
lock = Lock(Path("lake/lock"))
lock.acquire("paperlake nightly")
if sys.argv[1] == "child":
    os.set_inheritable(lock._fd, True)
    child = os.fork()
    if child:
        print(child, flush=True)
        os._exit(0)
else:
    print(os.getpid(), flush=True)
time.sleep(60)
"""


@contextmanager
def held(cwd: Path, how: str) -> Iterator[int]:
    """The lock is held by a process, or by the child of one that is gone."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, how],
        cwd=cwd,
        env=environment(cwd),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    if how == "child":
        process.wait(10)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        process.wait(10)
        process.stdout.close()


def test_who_holds_the_lock_is_told(own: Path) -> None:
    """A living writer is fine; it is named, and leftovers are not looked for meanwhile."""
    with held(own, "self") as pid:
        examined = doctor(own, "--offline")
        assert f"process {pid} on {socket.gethostname()}" in examined.the("locks", "ok").seen
        examined.the("orphans", "note", "while the lake is written")
    examined = doctor(own, "--offline")
    examined.the("locks", "ok", "Nobody writes")
    examined.the("locks", "note", f"(process {pid})", "without a farewell")


def test_a_lock_that_outlives_its_holder_is_a_problem(own: Path) -> None:
    """Where the process is gone and its child holds on, that is told with how to find it."""
    with held(own, "child"):
        found = doctor(own, "--offline").the("locks", "problem", "that process is gone")
    assert "fuser" in str(found.advice)


def test_a_lock_held_for_days_is_a_warning(own: Path) -> None:
    """A writer that has been at it for days is named with its age."""
    with held(own, "self"):
        path = own / "lake" / "lock"
        note = json.loads(path.read_bytes())
        note["since"] = (datetime.now(UTC) - timedelta(days=4)).isoformat()
        path.write_text(json.dumps(note))
        doctor(own, "--offline").the("locks", "warning", "for 4 days")
        note["host"] = "elsewhere"
        path.write_text(json.dumps(note))
        elsewhere = doctor(own, "--offline").the("locks", "note")
        assert "a process of elsewhere" in str(elsewhere.advice)


def test_an_unfinished_night_is_told(tmp_path: Path, sandbox_url: str) -> None:
    """A night that was killed waits to be ended; what it left is told, and the next night clears both."""
    nightly = [sys.executable, "-m", "flows.cli", "nightly", "--no-prefect"]
    process = subprocess.Popen(
        [*nightly, "--sandbox", sandbox_url],
        cwd=tmp_path,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "records" in line:
            break
    process.kill()
    process.wait(10)
    process.stderr.close()
    path = tmp_path / "lake" / "state" / "nightly.json"
    long_ago = time.time() - 5 * 3600
    os.utime(path, (long_ago, long_ago))
    examined = doctor(tmp_path, "--offline")
    waiting = examined.the("unfinished", "warning", "A nightly of 2026-03-03", "5 h ago")
    assert "paperlake nightly" in str(waiting.advice)
    examined.the("locks", "note", "without a farewell")
    night(tmp_path / "lake", sandbox_url)
    examined = doctor(tmp_path, "--offline")
    assert examined.of("unfinished", "ok")
    assert examined.of("orphans", "ok")


def test_states_that_wait_or_cannot_be_read_are_told(own: Path) -> None:
    """A backfill is told with its own options, a blocked night as one, a broken state as a note."""
    state = own / "lake" / "state"
    run = {
        "run_id": "x",
        "night_date": "2026-03-05",
        "started_at": "2026-03-05T06:30:00+00:00",
    }
    args = {"source": "arxiv", "from": "2025-01-01", "to": "2025-02-01"}
    (state / "backfill.json").write_text(json.dumps({**run, "args": args}))
    (state / "nightly.json").write_text(json.dumps({**run, "is_blocked": True}))
    examined = doctor(own, "--offline")
    backfill = examined.the("unfinished", "warning", "A backfill")
    assert "backfill --source arxiv --from 2025-01-01 --to 2025-02-01" in str(backfill.advice)
    examined.the("unfinished", "warning", "blocked by a check")
    (state / "backfill.json").unlink()
    (state / "nightly.json").write_text("{")
    examined = doctor(own, "--offline")
    examined.the("unfinished", "note", "counts for nothing")


def test_decisions_that_cannot_be_used_are_told(own: Path) -> None:
    """A file of decisions is read: broken it is a problem, and names that mean nothing here are a note."""
    path = own / "lake" / "decisions.toml"
    entry = (
        '[[decision]]\nverdict = "apart"\nlistings = ["arxiv:0000.00000", "arxiv:0000.00001"]\n'
        'who = "Ada"\nwhy = "so"\nwhen = 2026-01-01\n'
    )
    path.write_text(entry)
    doctor(own, "--offline").the("decisions", "note", "arxiv:0000.00000, arxiv:0000.00001")
    path.write_text(entry.replace("apart", "perhaps"))
    examined = doctor(own, "--offline")
    assert examined.code == 1
    found = examined.the("decisions", "problem", "entry 1, verdict is 'perhaps'")
    assert found.advice == "Mend that entry."
    path.write_text("")
    assert doctor(own, "--offline").the("decisions", "ok", "names no listing")


def test_a_clock_before_what_was_written_is_a_problem(own: Path) -> None:
    """Files, or a real lake's snapshot, from the future say that the clock is wrong."""
    path = own / "lake" / newest(own).files()[0].path
    later = time.time() + 86_400
    os.utime(path, (later, later))
    found = doctor(own, "--offline").the("clock", "problem", str(path), "24 h before")
    assert "timedatectl" in str(found.advice)
    now = time.time()
    os.utime(path, (now, now))
    replace(own / "lake" / "lake.json", '"sandbox:1:400"', '"real"')
    number = f"{newest(own).snapshot:06}.json"
    made = newest(own).created_at
    replace(own / "lake" / "manifests" / number, f'"{made:%Y-%m-%d}T', '"2999-01-01T')
    doctor(own, "--offline", **CONTACT).the("clock", "problem", "snapshot 2 was made")


def replace(path: Path, old: str, new: str) -> None:
    """Change a text that a file holds."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# Snapshots and files


def test_damaged_lake_files_are_told_and_the_rest_is_examined(own: Path) -> None:
    """A damaged lake.json, manifest or a missing one is named; the disk and the clock are told still."""
    lake = own / "lake"
    (lake / "manifests" / "000001.json").write_text("{}")
    found = doctor(own, "--offline").the("snapshots", "warning", "000001.json is damaged")
    assert "only snapshot 1" in str(found.advice)
    (lake / "manifests" / "000001.json").rename(lake / "manifests" / "000004.json")
    (lake / "lake.json").write_text("not JSON")
    examined = doctor(own, "--offline")
    assert "backup" in str(examined.the("snapshots", "problem", "lake.json is damaged").advice)
    assert "backup" in str(examined.the("snapshots", "problem", "000004.json is damaged").advice)
    examined.the("snapshots", "warning", "No manifest", "000001, 000003")
    examined.the("orphans", "note", "cannot be read")
    assert examined.of("disk", "ok")
    assert examined.of("clock", "ok")
    (lake / "manifests" / "000004.json").unlink()
    (lake / "lake.json").unlink()
    examined = doctor(own, "--offline")
    examined.the("snapshots", "problem", "lake.json is missing, but there are snapshots")


def test_missing_and_cut_files_are_told_without_reading_any(own: Path) -> None:
    """A file that is gone or shorter than written is a problem, and views over it do not answer."""
    tables = newest(own).tables
    (own / "lake" / tables["papers"].base[0].path).unlink()
    cut = own / "lake" / tables["listings"].base[0].path
    os.truncate(cut, cut.stat().st_size - 1)
    examined = doctor(own, "--offline")
    found = examined.the("files", "problem", "2 damaged", "is missing")
    assert "backup" in str(found.advice)
    examined.the("warehouse", "problem", "views do not answer", "papers")


def test_changed_bytes_are_found_by_deep_only(own: Path) -> None:
    """--deep reads every file and every kept response, says how far it is, and names what differs."""
    file = newest(own).tables["papers"].base[0].path
    packs = sorted((own / "lake" / "responses").glob("*/*.pack"))
    pack = next(path for path in packs if path.parent.name == "huggingface")
    for path in (own / "lake" / file, pack):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    assert doctor(own, "--offline").of("files", "ok")
    examined = doctor(own, "--offline", "--deep")
    examined.the("sha256", "problem", "1 damaged", f"{file} has another sha256")
    assert "pack" in str(examined.the("sha256", "problem", "kept responses", pack.name).advice)
    (own / "lake" / "responses" / "arxiv" / pack.name).unlink()
    examined = doctor(own, "--offline", "--deep")
    examined.the("sha256", "problem", "is missing although its index exists", "2 of")
    told = subprocess.run(
        command("--offline", "--deep"),
        cwd=own,
        env=environment(own),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert f"Reading {len(packs)} packs" in told.stderr


def test_leftovers_are_told_with_their_size_and_who_removes_them(own: Path) -> None:
    """What a killed run left goes with the next run, old files go with maintain, packs want both files."""
    lake = own / "lake"
    left = [
        "data/papers/000009-delta-x.parquet",
        "warehouse/000009.duckdb",
        "data/.tmp-a-b.parquet",
    ]
    left += ["staging/arxiv.cs.x/listings-00000.parquet", ".tmp-abc"]
    old = ["data/papers/000001-delta-x.parquet", "data/papers/notes.txt", "warehouse/000002.bak"]
    for name in left + old:
        (lake / name).parent.mkdir(parents=True, exist_ok=True)
        (lake / name).write_bytes(bytes(1000))
    (lake / "responses" / "arxiv" / "2026-01-01.pack").write_bytes(b"x")
    (lake / "responses" / "arxiv" / "2026-01-02.jsonl").write_bytes(b"")
    (lake / "runs").mkdir(exist_ok=True)
    (lake / "runs" / "broken.json").write_text("{")
    examined = doctor(own, "--offline")
    killed = examined.the("orphans", "note", "5 files", "left by a run that was killed", "5 kB")
    assert "next run that writes removes them" in str(killed.advice)
    unnamed = examined.the("orphans", "note", "3 files", "no snapshot names", "3 kB")
    assert "paperlake maintain" in str(unnamed.advice)
    examined.the("orphans", "note", "without their .jsonl", "2026-01-01.pack")
    examined.the("orphans", "warning", "without their .pack", "2026-01-02.jsonl")
    examined.the("orphans", "note", "1 notes of runs")


# The warehouse file

LINKS = [
    ("rm warehouse.duckdb", "problem", "is missing"),
    (
        "ln -sfn warehouse/000001.duckdb warehouse.duckdb",
        "warning",
        "still points to 000001.duckdb",
    ),
    ("ln -sfn warehouse/000007.duckdb warehouse.duckdb", "problem", "which is missing"),
    ("cp -L warehouse.duckdb w; mv w warehouse.duckdb", "warning", "is a file, not a link"),
    ("rm warehouse/000002.duckdb", "problem", "so snapshot 2 cannot be read"),
    ("chmod u+w warehouse/000002.duckdb", "note", "can be written"),
    ("touch warehouse/000002.duckdb.wal", "warning", "A writer left"),
    (
        "rm -f warehouse/000002.duckdb; echo x > warehouse/000002.duckdb",
        "problem",
        "cannot be opened",
    ),
]


@pytest.mark.parametrize(("damage", "state", "words"), LINKS, ids=[item[0] for item in LINKS])
def test_faults_of_the_warehouse_file_are_told(
    damage: str, state: str, words: str, own: Path
) -> None:
    """A link that is broken, old or none, and a file that is missing, writable or damaged, are told."""
    subprocess.run(["sh", "-ec", damage], cwd=own / "lake", check=True, timeout=10)
    examined = doctor(own, "--offline")
    assert examined.the("warehouse", state, words).advice


def test_a_writer_of_the_warehouse_file_is_told(own: Path) -> None:
    """While somebody has the published file open to write, nobody can read it, and that is told."""
    path = own / "lake" / "warehouse" / "000002.duckdb"
    path.chmod(0o644)
    script = f"""
        import duckdb, time
        connection = duckdb.connect({str(path)!r})
        print("open", flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n"
        found = doctor(own, "--offline").the("warehouse", "problem", "cannot be opened")
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
    assert "end that process" in str(found.advice)
