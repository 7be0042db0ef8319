"""What can be told without looking at disk or network: settings, contact, versions."""

import importlib.metadata
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from flows.contact import is_contact, is_sendable
from flows.doctor.findings import Asked, Finding, told
from flows.opening import needs_contact, unknown_urls
from flows.sandbox.client import is_loopback
from flows.settings import Settings, proxy_variable, unknown_variables
from flows.source import setting_names
from schemas.errors import SettingsError

_NAME = "settings"
# The longest of the sources' limits that are known: Hugging Face counts in windows of five minutes.
_LONGEST_WINDOW_SECONDS = 300


def settings(asked: Asked) -> Iterator[Finding]:
    """Variables that no setting knows, and values that make no sense together."""
    odd = [*_unknown(asked), *_addresses(asked), *_patience(asked), *_folders(asked)]
    yield from odd
    if not any(item.state in ("warning", "problem") for item in odd):
        given = sorted(asked.settings.model_fields_set - {"of_sources"})
        yield Finding(_NAME, "ok", f"Given: {', '.join(given) or 'nothing, all defaults'}.")


def _unknown(asked: Asked) -> Iterator[Finding]:
    for name, near in unknown_variables(setting_names(asked.sources)).items():
        remedy = f"If {near} is meant, rename it; else" if near else "Correct its name, or"
        yield Finding(
            _NAME, "warning", f"{name} is set, but no setting is called so.", f"{remedy} unset it."
        )


def _addresses(asked: Asked) -> Iterator[Finding]:
    given = asked.settings.base_urls
    for source in asked.sources.values():
        try:
            if source.settings is not None:
                asked.settings.of(source.name, source.settings)
        except SettingsError as error:
            yield Finding(_NAME, "problem", *told(error))
    for name in unknown_urls(asked.settings):
        yield Finding(
            _NAME,
            "problem",
            f"PAPERLAKE_BASE_URLS gives an address to '{name}', which is no source.",
            f"Choose among {', '.join(asked.sources)}; no night begins before.",
        )
    local = sorted(name for name, url in given.items() if is_loopback(url))
    if local:
        yield Finding(
            _NAME,
            "note",
            f"PAPERLAKE_BASE_URLS leads {', '.join(local)} to this machine, and what comes from there "
            "counts as real papers.",
            "For the sandbox use --sandbox URL, which keeps its papers apart.",
        )
    if (
        not asked.is_sandbox
        and (proxy := proxy_variable())
        and needs_contact(asked.settings, asked.sources)
    ):
        yield Finding(
            _NAME,
            "note",
            f"{proxy} names a proxy, and Paperlake asks the sources without one.",
            "Where this machine reaches the internet only by a proxy, put a forwarding server of your "
            "own into PAPERLAKE_BASE_URLS.",
        )


def _patience(asked: Asked) -> Iterator[Finding]:
    given = asked.settings
    slow = [
        source
        for source in asked.sources.values()
        if source.expected_seconds > given.request_seconds
    ]
    for source in slow:
        yield Finding(
            _NAME,
            "warning",
            f"PAPERLAKE_REQUEST_SECONDS is {given.request_seconds:g}, but an answer of {source.name} "
            f"usually takes {source.expected_seconds:g} s.",
            f"Set it to {_default('request_seconds')}, the default, or unset it.",
        )
    if given.max_retry_after_seconds < _LONGEST_WINDOW_SECONDS:
        yield Finding(
            _NAME,
            "warning",
            f"PAPERLAKE_MAX_RETRY_AFTER_SECONDS is {given.max_retry_after_seconds:g}, but limits of "
            f"sources are renewed only every {_LONGEST_WINDOW_SECONDS} s: one that asks to wait fails "
            "at once.",
            f"Set it to {_default('max_retry_after_seconds')}, the default, or unset it.",
        )
    if given.attempts == 1:
        yield Finding(
            _NAME,
            "warning",
            "PAPERLAKE_ATTEMPTS is 1: one dropped connection fails a source for the night.",
            f"Set it to {_default('attempts')}, the default, or unset it.",
        )


def _default(name: str) -> str:
    return f"{Settings.model_fields[name].default:g}"


def _folders(asked: Asked) -> Iterator[Finding]:
    shared, root = Path(asked.settings.shared_dir).absolute(), asked.lake.root
    if shared == root or root in shared.parents:
        yield Finding(
            _NAME,
            "warning",
            f"PAPERLAKE_STATE_DIR ({shared}) lies inside the lake: other lakes of this machine would "
            "not find the pace of the hosts, and a lake that is moved takes it along.",
            "Name a folder outside, or unset it.",
        )


def contact(asked: Asked) -> Iterator[Finding]:
    """Whether the sources can be told who is asking."""
    name, given = "contact", asked.settings.contact
    how = "Set PAPERLAKE_CONTACT to your mail address or a URL of yours."
    if not given:
        if asked.is_sandbox or not needs_contact(asked.settings, asked.sources):
            seen = "PAPERLAKE_CONTACT is not set; it is needed only for real sources."
            yield Finding(name, "note", seen, how)
        else:
            seen = "PAPERLAKE_CONTACT is not set, and no night asks real sources without it."
            yield Finding(name, "problem", seen, how)
    elif not is_sendable(given):
        seen = (
            "PAPERLAKE_CONTACT cannot stand in a User-Agent: it is not ASCII without parentheses."
        )
        yield Finding(name, "problem", seen, how)
    elif not is_contact(given):
        seen = f"PAPERLAKE_CONTACT is {given!r}, which is neither a mail address nor a URL."
        yield Finding(name, "problem", seen, how)
    elif re.search(r"[@./]example\.(com|net|org)\b", given):
        seen = f"PAPERLAKE_CONTACT is {given!r}: an example, where nobody can be reached."
        yield Finding(name, "warning", seen, how)
    else:
        yield Finding(name, "ok", f"The sources are told {given!r}.")


def versions(_asked: Asked) -> Iterator[Finding]:
    """Python and every package that Paperlake declares, against the declared bounds."""
    name = "versions"
    try:
        own = importlib.metadata.metadata("paperlake")
        declared = [Requirement(text) for text in importlib.metadata.requires("paperlake") or ()]
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            name,
            "warning",
            "Paperlake runs without being installed, so its requirements are not known.",
            "Install it: pip install -c constraints.txt -e . in its checkout.",
        )
        return
    python = platform.python_version()
    wanted = own.get_all("Requires-Python", [""])[0]
    if not SpecifierSet(wanted).contains(python, prereleases=True):
        seen = f"Python is {python}, and Paperlake needs {wanted}."
        yield Finding(name, "problem", seen, "Make its environment with a newer Python.")
    found = {}
    is_sound = True
    for requirement in declared:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found[requirement.name] = version = _installed(requirement.name)
        if version and requirement.specifier.contains(version, prereleases=True):
            continue
        is_sound = False
        seen = f"{requirement.name} is {version or 'not installed'}; Paperlake needs {requirement}."
        yield Finding(
            name,
            "problem",
            seen,
            f"Install one that fits into Paperlake's environment: pip install '{requirement}'.",
        )
    if is_sound:
        shown = ", ".join(f"{item} {found[item]}" for item in ("duckdb", "prefect", "pyarrow"))
        yield Finding(
            name,
            "ok",
            f"Paperlake {own['Version']} on Python {python}; all {len(found)} packages fit ({shown}).",
        )


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
