"""Who asks: the contact of the settings, and how a source is told."""

import importlib.metadata
import re


def is_contact(text: str) -> bool:
    """Whether somebody can be reached by it: a mail address or a URL."""
    return "@" in text or text.startswith(("https://", "http://"))


def is_sendable(contact: str) -> bool:
    """Whether a contact can stand in a User-Agent: ASCII without parentheses."""
    return re.fullmatch(r"[!-'*-~][ -'*-~]*", contact) is not None


def user_agent(contact: str | None) -> str:
    """What we are called in every request: name, version and, where there is one, the contact."""
    return f"paperlake/{_version()}" + (f" (+{contact})" if contact else "")


def _version() -> str:
    try:
        return importlib.metadata.version("paperlake")
    except importlib.metadata.PackageNotFoundError:
        return "0"
