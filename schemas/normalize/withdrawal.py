"""Whether an arXiv comment says that its paper is withdrawn."""

import re

from schemas.normalize.cleaning import line

_COMMENT_LIMIT = 10_000
_WORK = (
    r"(?:paper|article|manuscript|submission|preprint|e-?print|work|report|note|document|draft|"
    r"letter|thesis|chapter|version)"
)
_STANDS = r"(?! from (?!(?:the )?arxiv))"
"""Withdrawn from a journal or conference, the paper still stands; from arXiv, it does not."""
_WITHDRAWN = tuple(
    re.compile(pattern)
    for pattern in (
        # This paper has been withdrawn by the author; our article is temporarily withdrawn
        r"(?<!version of )(?<!versions of )(?<!draft of )(?<!part of )\b(?:this|the|our|my)"
        rf"(?: (?:current|present|entire|whole|submitted|arxiv|technical|above))? {_WORK}s?"
        r"(?: (?:is|was|are|has|have|had|been|being|beenbeen|now|hereby|temporarily|permanently|"
        rf"voluntarily|officially|currently)){{1,4}} withdrawn\b{_STANDS}",
        # Withdrawn; preprint withdrawn; Paper withdrawn since ...; [withdrawn by the authors]
        rf"(?:^|[.;:(\[] ?)(?:(?:this|the) )?(?:{_WORK} )?(?:(?:is|was|has been) )?withdrawn"
        r"(?= ?[.;:,!)\]]| ?$| (?:by|due|because|as|since|for|pending|until|temporarily|on|in order)\b)",
        # ..., Withdrawn
        r", withdrawn\W*$",
        # we decide to withdraw this paper; I'd like to withdraw it
        r"\b(?:we|i|i'd|we'd|authors?)(?: [a-z]+){0,5} withdraw(?:s|n|ing)? (?:it\b|(?:this|the|our|my)"
        rf"(?: (?:current|present|entire|whole|submitted|arxiv))? {_WORK}s?\b){_STANDS}",
        # Reason for withdrawal: ...
        r"^(?:the )?reasons? (?:for|of) (?:the |this )?withdraw(?:al|ing)",
    )
)


def says_withdrawn(comment: str | None) -> bool:
    """Say whether an arXiv comment says that the paper itself is withdrawn.

    It counts when this paper (article, manuscript, ...) is or has been withdrawn, also temporarily;
    when the comment, or a part of it after a full stop or semicolon, is "[paper] withdrawn [by,
    due to, ...]"; when it ends in ", withdrawn"; when the authors withdraw the paper or decide, want
    or would like to; when it begins with the reason for withdrawal. It does not count when a
    previous version, a part or another paper is withdrawn, when the paper is withdrawn from a
    journal or conference (from arXiv does count), was once withdrawn (previously, by mistake), may
    or will be, or when the text is about withdrawal. Retractions are another thing (is_retracted).
    """
    if comment is None or "withdr" not in comment.lower():
        return False
    text = line(comment[:_COMMENT_LIMIT]).lower().replace("\u2019", "'")
    return any(pattern.search(text) for pattern in _WITHDRAWN)
