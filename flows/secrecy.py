"""A source's secrets: where in a request they go, and how they are kept out of all that is seen."""

import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from flows.urls import HIDDEN, redact
from schemas.errors import SettingsError


class Secrets:
    """Secrets by name: one with a dash (or `Authorization`) is a header, any other a parameter.

    Raises:
        SettingsError: one of them cannot be sent.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        for name, value in given.items():
            if not re.fullmatch("[!-~]+", value):
                raise SettingsError(f"The secret {name} must be ASCII without spaces: correct it.")
        self.headers = {name: value for name, value in given.items() if _is_header(name)}
        """What goes into the head of a request."""
        self.parameters = {name: value for name, value in given.items() if not _is_header(name)}
        """What goes into its query."""
        self._forms = {
            form
            for value in given.values()
            for form in (value, quote(value, safe=""), quote_plus(value))
        }

    def blot(self, text: str) -> str:
        """Hide the secrets by value, and those of any URL in the text by name."""
        # The longest first: a secret may be a part of another.
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return re.sub(r"https?://[^\s<>\"']+", lambda match: redact(match[0]), text)

    def shown(self, url: str) -> str:
        """A URL as it may be seen."""
        return redact(self.blot(url))


def _is_header(name: str) -> bool:
    return "-" in name or name.lower() == "authorization"
