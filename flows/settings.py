"""The settings, read once from the environment (prefix PAPERLAKE_); nothing else reads it."""

import base64
import difflib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as SourceSettingsError

from schemas.errors import SettingsError
from warehouse.retention import Keep, keep

_PREFIX = "paperlake_"

SourceSettings = TypeVar("SourceSettings", bound=BaseModel)


class Settings(BaseSettings):
    """Every setting of Paperlake. A frozen value that is passed along, never a global."""

    model_config = SettingsConfigDict(
        env_prefix="PAPERLAKE_",
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        env_ignore_empty=True,
    )

    lake: Path = Path("lake")
    """Folder of the lake; the option --lake wins."""
    contact: str | None = None
    """Mail address or URL that the User-Agent carries; needed to talk to real hosts."""
    arxiv_sets: Annotated[tuple[str, ...], NoDecode, Field(min_length=1)] = ("cs", "stat", "eess")
    """arXiv sets to harvest, separated by commas."""
    base_urls: dict[str, str] = {}
    """Other addresses for sources, as JSON: {"arxiv": "http://127.0.0.1:8000/arxiv/oai"}."""
    trending_size: Annotated[int, Field(ge=1, le=1000)] = 100
    """How many entries make a capture of the trending list."""
    state_dir: Path | None = None
    """Folder for what all processes of this machine share (the pace of each host); default: the user's cache folder."""
    request_seconds: Annotated[float, Field(gt=0, le=3600)] = 180.0
    """Deadline of a whole request, its body included; arXiv may take 90 s to its first byte."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    """How often a request is tried before the source counts as failed."""
    max_retry_after_seconds: Annotated[float, Field(ge=0, le=86400)] = 900.0
    """Longest Retry-After that is waited for; a longer one fails the source at once."""

    keep_snapshots: Annotated[Keep, NoDecode] = Keep(30, "nights")
    """How long snapshots can be read: all, or so many nights, months or years; the newest always."""
    keep_responses: Annotated[Keep, NoDecode] = Keep()
    """How long responses are kept: all, or so many nights, months or years."""
    grace_hours: Annotated[float, Field(ge=0, le=8760)] = 48.0
    """How long files outlive their snapshot, for whoever has it open."""
    maintain: bool = True
    """Whether nights and backfills maintain the lake when it is due."""

    @field_validator("keep_snapshots", "keep_responses", mode="before")
    @classmethod
    def _kept(cls, value: Any) -> Any:
        return keep(value) if isinstance(value, str) else value

    @field_validator("arxiv_sets", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))

    of_sources: dict[str, str] = {}
    """Variables that belong to one source, <NAME>_<FIELD> in lower case; read them with `of`."""

    def of(self, source_name: str, model: type[SourceSettings]) -> SourceSettings:
        """The settings of one source, read from PAPERLAKE_<SOURCE>_<FIELD>.

        Raises:
            SettingsError: a value is not acceptable; the message names the variable.
        """
        prefix = f"{source_name}_"
        given = {
            name: self.of_sources[prefix + name]
            for name in model.model_fields
            if prefix + name in self.of_sources
        }
        try:
            return model.model_validate(given)
        except ValidationError as error:
            raise _refused(error, prefix) from None

    @property
    def shared_dir(self) -> Path:
        """Folder shared by all processes of this machine."""
        if self.state_dir is not None:
            return self.state_dir
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return Path(cache) / "paperlake"


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; given values win over the environment, None is not given.

    Raises:
        SettingsError: a value is not acceptable; the message names the variable.
    """
    try:
        given = {key: value for key, value in overrides.items() if value is not None}
        return Settings(**{"of_sources": _of_sources(), **given})
    except SourceSettingsError as error:
        raise SettingsError(f"{error}. Correct the variable and start again.") from None
    except ValidationError as error:
        raise _refused(error) from None


def _of_sources() -> dict[str, str]:
    """What the environment says under our prefix beyond the settings above; empty is not said."""
    return {
        name.lower().removeprefix(_PREFIX): value
        for name, value in os.environ.items()
        if name.lower().startswith(_PREFIX) and value
    }


def _refused(error: ValidationError, prefix: str = "") -> SettingsError:
    first = error.errors()[0]
    name = f"{_PREFIX}{prefix}{'_'.join(str(part) for part in first['loc'][:1])}".upper()
    what = first["msg"].removeprefix("Value error, ")
    return SettingsError(f"{name}: {what}. Correct it and start again.")


def unknown_variables(of_sources: Iterable[str]) -> dict[str, str | None]:
    """Variables of the environment that look like settings and are none, each with the nearest one.

    A name without our prefix counts only where it is a setting's but for a character or two.

    Args:
        of_sources: the settings of single sources, <NAME>_<FIELD>.
    """
    prefix = _PREFIX.upper()
    names = {*Settings.model_fields, *of_sources} - {"of_sources"}
    known = sorted(name.upper() for name in names)
    whole = [prefix + name for name in known]
    found: dict[str, str | None] = {}
    for name in sorted(os.environ):
        upper = name.upper()
        if upper in whole:
            continue
        if upper.startswith(prefix):
            near = difflib.get_close_matches(upper.removeprefix(prefix), known, 1)
            found[name] = prefix + near[0] if near else None
        elif near := difflib.get_close_matches(upper, whole, 1, 0.92):
            found[name] = near[0]
    return found


def proxy_variable() -> str | None:
    """The variable that names a proxy for https, if one does; Paperlake itself uses none."""
    names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    return next((name for name in names if os.environ.get(name)), None)


def settings_environment(settings: Settings, of_sources: Iterable[str]) -> dict[str, str]:
    """The variables that give another process the settings given here; the lake is not among them.

    Keys and passwords are left out: what is printed is read by others.

    Args:
        settings: the settings.
        of_sources: the settings of single sources, <NAME>_<FIELD>.
    """
    found = {}
    for name, value in sorted(_given(settings, of_sources).items()):
        if _is_secret(name):
            continue
        if isinstance(value, tuple):
            value = ",".join(value)
        elif isinstance(value, dict):
            value = json.dumps(value)
        elif isinstance(value, Path):
            value = value.absolute()
        found[f"PAPERLAKE_{name.upper()}"] = str(value)
    return found


def secrets_given(settings: Settings, of_sources: Iterable[str]) -> list[str]:
    """The variables of the settings given here that `settings_environment` leaves out."""
    names = sorted(filter(_is_secret, _given(settings, of_sources)))
    return [f"{_PREFIX}{name}".upper() for name in names]


def _given(settings: Settings, of_sources: Iterable[str]) -> dict[str, Any]:
    """The values given, but for the lake; what the environment says beyond the settings is none."""
    names = settings.model_fields_set - {"lake", "of_sources"}
    found = {name: getattr(settings, name) for name in names}
    found |= {name: settings.of_sources.get(name) for name in of_sources}
    return {name: value for name, value in found.items() if value is not None}


def _is_secret(name: str) -> bool:
    return name.endswith(("_key", "_token", "_password"))


# How long an embedded Prefect server may take to answer; two cores busy with a fresh installation
# need longer than Prefect's default of 20 s.
_EMBEDDED_SECONDS = "90"
_EMBEDDED_VARIABLE = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"


def prefect_environment(lake: Path) -> dict[str, str]:
    """Variables to set before Prefect is imported: what the user has set up stays as it is.

    Without a Prefect of the user's own, its files lie inside the lake, so that a demo leaves
    nothing elsewhere and two lakes do not meet in one database.
    """
    wanted = {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        _EMBEDDED_VARIABLE: _EMBEDDED_SECONDS,
    }
    if not _is_prefect_set_up():
        wanted["PREFECT_HOME"] = str((lake / "prefect").absolute())
        wanted["PREFECT_LOGGING_LEVEL"] = "ERROR"
    found = {name: value for name, value in wanted.items() if name not in os.environ}
    for name in ("NO_PROXY", "no_proxy"):
        # Prefect talks to its temporary server over loopback, where no proxy has any business.
        direct = [part for part in os.environ.get(name, "").split(",") if part]
        found[name] = ",".join(dict.fromkeys([*direct, "127.0.0.1", "localhost"]))
    return found


def prefect_home(lake: Path) -> Path:
    """Where Prefect keeps its files when a run of this lake uses it."""
    given = os.environ.get("PREFECT_HOME") or prefect_environment(lake).get("PREFECT_HOME")
    return Path(given) if given else Path.home() / ".prefect"


def _is_prefect_set_up() -> bool:
    """Whether the user has a Prefect of their own: by variables, a profile, or settings in this folder."""
    own = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH")
    # Any use of Prefect leaves ~/.prefect behind; profiles are what somebody wrote on purpose.
    files = (Path.home() / ".prefect" / "profiles.toml", Path("prefect.toml"))
    return any(os.environ.get(name) for name in own) or any(path.exists() for path in files)


def embedded_server_seconds() -> float:
    """How long an embedded Prefect server may take to answer, by Prefect's own setting."""
    try:
        return float(os.environ.get(_EMBEDDED_VARIABLE) or _EMBEDDED_SECONDS)
    except ValueError:
        return float(_EMBEDDED_SECONDS)


def prefect_api_url() -> str | None:
    """The Prefect API of the user's own, if the environment names one."""
    return os.environ.get("PREFECT_API_URL") or None


def prefect_api_headers() -> dict[str, str]:
    """What the user's own Prefect API wants to be shown, by Prefect's own settings."""
    key = os.environ.get("PREFECT_API_KEY")
    if key:
        return {"Authorization": f"Bearer {key}"}
    login = os.environ.get("PREFECT_API_AUTH_STRING")
    if login:
        return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    return {}


def is_prefects_process() -> bool:
    """Whether Prefect started this process for one flow run, so that it may end with it."""
    return bool(os.environ.get("PREFECT__FLOW_RUN_ID"))
