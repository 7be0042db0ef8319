"""What to install so that a night runs by itself: a cron line, systemd units, or Prefect's commands.

Each form has rules of its own for odd characters: cron makes a new line of `%`, systemd a
specifier, and a shell reads what cron starts.
"""

import getpass
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path

from flows.settings import Settings, prefect_api_url, settings_environment
from flows.source import load_sources, setting_names
from schemas.errors import UsageError
from warehouse.files import absolute

# After arXiv's update, about 03:00 UTC; prefect.yaml says the same.
NIGHT_TIME = time(6, 30, tzinfo=UTC)
NIGHT_CRON = f"{NIGHT_TIME.minute} {NIGHT_TIME.hour} * * *"
FORMS = ("cron", "systemd", "prefect")
CONTACT_PLACEHOLDER = "you@example.org"
# Longer than any night: a new lake's first one takes an hour or two.
_LONGEST_NIGHT = "12h"


def program() -> list[str]:
    """This environment's paperlake, as words of a command line with absolute paths."""
    # sys.executable and not its target: the environment lies where the link is.
    script = Path(sys.executable).with_name("paperlake")
    return [str(script)] if script.exists() else [sys.executable, "-m", "flows.cli"]


def checkout() -> Path | None:
    """The folder of prefect.yaml, where this is a checkout and no wheel."""
    folder = Path(__file__).resolve().parents[1]
    return folder if (folder / "prefect.yaml").exists() else None


def printed(form: str, settings: Settings) -> dict[str, str]:
    """The texts to install, by the name of their file.

    Raises:
        UsageError: there is no such form, or a path holds what the form cannot say.
    """
    environment = settings_environment(settings, setting_names(load_sources()))
    environment.setdefault("PAPERLAKE_CONTACT", CONTACT_PLACEHOLDER)
    command = [*program(), "nightly", "--no-prefect", "--quiet", "--lake", absolute(settings.lake)]
    for text in (*command, *environment.values()):
        if not text.isprintable() or "\\" in text:
            raise UsageError(
                f"{text!r} holds a backslash or a control character, which cannot be scheduled "
                "safely: choose another name."
            )
    if form == "cron":
        return {"crontab": cron(command, environment)}
    if form == "systemd":
        writable = [absolute(settings.lake), absolute(settings.shared_dir)]
        return {
            "paperlake.service": service(command, environment, writable),
            "paperlake.timer": timer(),
        }
    if form == "prefect":
        return {"prefect.sh": prefect(absolute(settings.lake), environment, checkout())}
    raise UsageError(f"--print {form}: choose among {', '.join(FORMS)}.")


def cron(command: list[str], environment: Mapping[str, str]) -> str:
    """Lines for a crontab: the night at `NIGHT_TIME`, whose mail tells what went wrong."""
    assignments = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    line = " ".join([*assignments, shlex.join(command)]).replace("%", "\\%")
    here = datetime.now(UTC).replace(hour=NIGHT_TIME.hour, minute=NIGHT_TIME.minute).astimezone()
    return (
        "# Paperlake: install with `crontab -e`, at the end, for CRON_TZ holds for what follows it.\n"
        f"# Where cron does not know CRON_TZ (Debian's and Ubuntu's), hours are local: {here:%H:%M} now.\n"
        f"CRON_TZ=UTC\n{NIGHT_CRON} {line}\n"
    )


def service(command: list[str], environment: Mapping[str, str], writable: list[str]) -> str:
    """The unit of one night.

    Args:
        command: words of the command, the first an absolute path.
        environment: the settings.
        writable: folders that it writes to; they must exist when it starts.
    """
    install = " && ".join(
        (
            shlex.join(["mkdir", "-p", *writable]),
            "sudo systemctl daemon-reload",
            "sudo systemctl enable --now paperlake.timer",
        )
    )
    if set("'\"") & set(command[0]):
        # systemd starts no program with a quote in its name.
        command = ["/bin/sh", "-c", 'exec "$0" "$@"', *command]
    # A folder below /tmp would be hidden by a /tmp of the unit's own.
    is_temporary = any(path.startswith(("/tmp/", "/var/tmp/")) for path in writable)  # noqa: S108 - only looked at
    lines = [
        "# /etc/systemd/system/paperlake.service; with paperlake.timer beside it, as the user below:",
        f"#   {install}",
        "# A night now, and what became of it:",
        "#   sudo systemctl start paperlake.service; journalctl -u paperlake.service",
        "[Unit]",
        "Description=Paperlake, one night",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"User={getpass.getuser()}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in environment.items()),
        "# Settings that others must not read, such as keys:",
        "EnvironmentFile=-/etc/paperlake.env",
        # The colon: no variables are put in.
        f"ExecStart=:{' '.join(_quoted(word) for word in command)}",
        f"TimeoutStartSec={_LONGEST_NIGHT}",
        "Nice=10",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        *([] if is_temporary else ["PrivateTmp=yes"]),
        "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes",
        "ProtectControlGroups=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        f"ReadWritePaths={' '.join(_quoted(path) for path in writable)}",
    ]
    return "\n".join(lines) + "\n"


def timer() -> str:
    """The unit that starts the night: late if the machine was off, and not with everybody else."""
    return (
        "# /etc/systemd/system/paperlake.timer\n"
        "[Unit]\nDescription=Paperlake, every night\n\n"
        f"[Timer]\nOnCalendar=*-*-* {NIGHT_TIME:%H:%M:%S} UTC\n"
        "RandomizedDelaySec=15min\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _quoted(text: str) -> str:
    """One word of a unit file."""
    return '"' + text.replace("%", "%%").replace('"', '\\"') + '"'


def prefect(lake: str, environment: Mapping[str, str], folder: Path | None) -> str:
    """The commands that have Prefect run and show the nights; a script, to be run line by line."""
    own = prefect_api_url()
    tool = shlex.quote(str(Path(sys.executable).with_name("prefect")))
    where = shlex.quote(str(folder)) if folder else "PAPERLAKE_CHECKOUT"
    parameter = shlex.quote(f"lake={lake}")
    lines = [
        f"cd {where}  # the folder of prefect.yaml",
        f"export PREFECT_API_URL={shlex.quote(own or 'http://127.0.0.1:4200/api')}",
        *(f"export {name}={shlex.quote(value)}" for name, value in environment.items()),
        *([] if own else [f"{tool} server start --background"]),
        f"{tool} work-pool create --type process paperlake",
        "# The lake is the parameter `lake` of each deployment; a relative one lies in this folder.",
        f"{tool} --no-prompt deploy --name nightly --param {parameter}",
        f"{tool} --no-prompt deploy --name backfill --param {parameter}",
        "# Runs the nights, in this environment, until it is ended:",
        f"{tool} worker start --pool paperlake",
    ]
    return "\n".join(lines) + "\n"
