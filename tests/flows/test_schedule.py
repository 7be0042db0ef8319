"""What `paperlake schedule` prints can be installed as it stands, whatever paths are called."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import schedule
from flows.settings import load_settings
from schemas.errors import UsageError
from tests.flows.test_cli import paperlake

ODD = "a b%c\"d'e$HOME;f#g&h*i%%j é"
# What a path may hold, beside letters: everything a shell, cron or systemd might take for its own.
WORDS = st.text(st.sampled_from("ab /%$\"'`;&|#*?~()<>[]{}!=:-é"), min_size=1, max_size=30)
# A program that tells what it was called with, and its contact.
TELLING = """#!{python}
import json, os, sys
print(json.dumps([sys.argv[1:], os.environ.get("PAPERLAKE_CONTACT")]))
"""


def as_cron_runs_it(line: str) -> str:
    """The command of a crontab's line, as cron hands it to the shell (crontab(5))."""
    match = re.fullmatch(r"30 6 \* \* \* (.*)", line)
    assert match is not None
    assert not re.search(r"(?<!\\)%", match[1]), "cron ends the command there"
    return match[1].replace("\\%", "%")


def words_of(value: str) -> list[str]:
    """The words of a setting in a unit file: quotes, their escapes, and specifiers undone."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
    assert " ".join(f'"{word}"' for word in found) == value
    assert all(not re.search(r"(?<!%)(%%)*%(?!%)", word) for word in found), "a specifier"
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in found]


@pytest.fixture(params=[ODD, "a b%c$d:-"])
def telling(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A program with an odd name that tells what it was called with."""
    path = tmp_path / str(request.param) / "paperlake"
    path.parent.mkdir()
    path.write_text(TELLING.format(python=sys.executable))
    path.chmod(0o755)
    return path


def test_the_cron_line_runs(telling: Path, tmp_path: Path) -> None:
    """The line, run by sh as cron does, calls the program with the lake and the contact as given."""
    command = [str(telling), "nightly", "--lake", str(tmp_path / ODD)]
    text = schedule.cron(command, {"PAPERLAKE_CONTACT": f"me@example.org {ODD}"})
    assert "\nCRON_TZ=UTC\n" in text
    shell = as_cron_runs_it(text.splitlines()[-1])
    done = subprocess.run(
        ["/bin/sh", "-c", shell], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    assert json.loads(done.stdout) == [command[1:], f"me@example.org {ODD}"]


@given(words=st.lists(WORDS, min_size=1, max_size=4))
def test_every_word_survives_each_form(words: list[str]) -> None:
    """Whatever the words of a command are, cron and systemd hand them on as they are."""
    import shlex

    line = schedule.cron(words, {}).splitlines()[-1]
    assert shlex.split(as_cron_runs_it(line)) == words
    unit = schedule.service(words, {"PAPERLAKE_CONTACT": words[0]}, words)
    settings = dict(item.split("=", 1) for item in unit.splitlines() if "=" in item)
    assert words_of(settings["ExecStart"].removeprefix(":"))[-len(words) :] == words
    assert words_of(settings["ReadWritePaths"]) == words
    assert words_of(settings["Environment"]) == [f"PAPERLAKE_CONTACT={words[0]}"]


# Its own opinion can only be had where systemd is. Nothing is hidden by it: the words of both units
# are read back in the tests around, as its manual says that it reads them.
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd to ask")
def test_the_units_are_sound(telling: Path, tmp_path: Path) -> None:
    """Systemd finds the program and has nothing to say about either unit."""
    command = [str(telling), "nightly", "--lake", str(tmp_path / ODD)]
    environment = {"PAPERLAKE_CONTACT": ODD}
    service = tmp_path / "paperlake.service"
    service.write_text(schedule.service(command, environment, [str(tmp_path / ODD)]))
    timer = tmp_path / "paperlake.timer"
    timer.write_text(schedule.timer())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(service), str(timer)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    # It also reads the machine's own units, and tells of those.
    told = [line for line in done.stderr.splitlines() if "paperlake" in line]
    assert not told
    calendar = re.search(r"OnCalendar=(.*)", schedule.timer())
    assert calendar is not None
    told_next = subprocess.run(
        ["systemd-analyze", "calendar", calendar[1]],
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "06:30:00 UTC" in told_next


def test_it_prints_this_environment_and_its_settings(tmp_path: Path) -> None:
    """Each form names this environment's paperlake, the lake absolutely, and the settings set."""
    contact = {"PAPERLAKE_CONTACT": "me@example.org", "PAPERLAKE_ARXIV_SETS": "cs, math"}
    for form in schedule.FORMS:
        done = paperlake("schedule", "--print", form, "--lake", "my lake", cwd=tmp_path, **contact)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert f"{tmp_path}/my lake" in done.stdout
        assert "PAPERLAKE_CONTACT=me@example.org" in done.stdout
        assert "PAPERLAKE_ARXIV_SETS=cs,math" in done.stdout
        assert str(Path(sys.executable).parent) in done.stdout
        assert ("--no-prefect" in done.stdout) == (form != "prefect")
    assert list(tmp_path.iterdir()) == []
    files = json.loads(
        paperlake("schedule", "--print", "systemd", "--json", cwd=tmp_path, **contact).stdout
    )
    assert list(files) == ["paperlake.service", "paperlake.timer"]
    assert "Persistent=true" in files["paperlake.timer"]
    assert "RandomizedDelaySec=" in files["paperlake.timer"]
    assert "TimeoutStartSec=" in files["paperlake.service"]


def test_settings_of_sources_are_printed_without_secrets(tmp_path: Path) -> None:
    """A source's own settings are printed as given, keys are named only, and other variables are not told."""
    given = {
        "PAPERLAKE_CONTACT": "me@example.org",
        "PAPERLAKE_CROSSREF_LISTS": "member:320 member:78",
        "PAPERLAKE_OPENALEX_KEY": "hidden-1",
        "PAPERLAKE_OPENALEX_KYE": "hidden-2",
    }
    for form in schedule.FORMS:
        done = paperlake("schedule", "--print", form, cwd=tmp_path, **given)
        assert done.returncode == 0, done.stderr
        assert "PAPERLAKE_CROSSREF_LISTS=" in done.stdout
        assert "member:320 member:78" in done.stdout
        assert done.stderr.count("\n") == 1
        assert "PAPERLAKE_OPENALEX_KEY is not printed" in done.stderr
        assert "hidden" not in done.stdout + done.stderr
        assert "OPENALEX" not in done.stdout


def test_a_contact_that_is_missing_is_said(tmp_path: Path) -> None:
    """Without a contact a placeholder is printed, and what to do is said on stderr."""
    done = paperlake("schedule", "--print", "cron", cwd=tmp_path)
    assert done.returncode == 0
    assert schedule.CONTACT_PLACEHOLDER in done.stdout
    assert "PAPERLAKE_CONTACT is not set" in done.stderr
    wrong = paperlake("schedule", "--print", "launchd", cwd=tmp_path)
    assert (wrong.returncode, "choose among cron, systemd, prefect" in wrong.stderr) == (2, True)


def test_what_no_form_can_say_is_refused(tmp_path: Path) -> None:
    """A path with a new line would begin a line of its own: it is refused, not printed."""
    with pytest.raises(UsageError, match="control character"):
        schedule.printed("cron", load_settings(lake=tmp_path / "a\n* * * * * rm"))
