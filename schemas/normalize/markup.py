"""HTML in the text: entities and simple tags."""

import html
import re

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*+\s*/?>"""
_BREAKING_TAG = re.compile(
    rf"</?(?:br|p|div|li|ul|ol|hr|h[1-6]|(?:jats:)?(?:title|sec|p|list|list-item)){_ATTRIBUTES}",
    re.IGNORECASE,
)
_INLINE_TAG = re.compile(
    r"</?(?:i|b|u|a|s|em|tt|sub|sup|inf|strong|small|span|font|code|sc|scp|jats:[a-z-]+"
    rf"|(?:mml:)?(?:math|semantics|m[a-z]{{1,12}})){_ATTRIBUTES}",
    re.IGNORECASE,
)
_BARE_BREAK = re.compile(r"<(?:br|p)>", re.IGNORECASE)


def unescaped(text: str) -> str:
    """Resolve HTML entities that end in a semicolon; a bare ``&copy`` stays."""
    return _ENTITY.sub(_unescape, text)


def _unescape(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def without_tags(text: str) -> str:
    """Take simple tags off where something is closed; ``<b> versus <p>`` and ``a < b`` stay."""
    if "</" in text or "/>" in text:
        return _INLINE_TAG.sub("", _BREAKING_TAG.sub("\n\n", text))
    return _BARE_BREAK.sub("\n\n", text)
