"""What can go wrong, as one tree.

::

    PaperlakeError               exit code 1
    +-- UsageError               exit code 2: what was asked for cannot be done as asked
    |   +-- SettingsError        a setting is missing or wrong
    |   +-- OriginError          a sandbox's papers and real ones must not share a lake
    +-- BusyError                exit code 3: another process writes this lake
    +-- SourceError              a source failed; the others go on and the night ends with exit code 4
    |   +-- FetchError           no usable answer
    |   |   +-- RefusedError     401, 403, 404, 410, 400: asking again will not help
    |   |   +-- CircuitOpenError too many failures in a row at that host: left alone for a while
    |   |   +-- UnsafeError      the answer tried to leave the source's hosts or to outgrow its bounds
    |   +-- BrokenResponseError  the answer is not of the promised structure
    +-- BlockedError             exit code 5: a check refused the snapshot
    +-- LakeError                the lake's own files are not as they must be

Every error is one sentence with what to do next, carries its facts as attributes, and survives
pickling (worker processes and Prefect hand errors around).
"""

from typing import Any


class PaperlakeError(Exception):
    """Something went wrong that the user can be told in a sentence."""

    exit_code = 1

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.facts))

    def __str__(self) -> str:
        return self.message


def _rebuild(kind: type[PaperlakeError], message: str, facts: dict[str, Any]) -> PaperlakeError:
    return kind(message, **facts)


class UsageError(PaperlakeError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is missing or wrong."""


class OriginError(UsageError):
    """The lake holds papers of another origin."""


class BusyError(PaperlakeError):
    """Another process writes this lake."""

    exit_code = 3


class SourceError(PaperlakeError):
    """A source failed. Facts: source."""

    exit_code = 4


class FetchError(SourceError):
    """No usable answer. Facts: source, url, status, attempts."""


class RefusedError(FetchError):
    """The source refuses: asking again will not help."""


class CircuitOpenError(FetchError):
    """Too many failures in a row at that host. Facts: host, until."""


class UnsafeError(FetchError):
    """The answer tried to leave the source's hosts or to outgrow its bounds."""


class BrokenResponseError(SourceError):
    """The answer is not of the promised structure. Facts: source, url, where."""


class BlockedError(PaperlakeError):
    """A check refused the snapshot. Facts: checks (name -> failing rows)."""

    exit_code = 5


class LakeError(PaperlakeError):
    """The lake's own files are not as they must be. Facts: path."""
