"""Web addresses, and the licences and code repositories that are known by theirs."""

import re
import unicodedata
from functools import lru_cache

from schemas.normalize.cleaning import clean, word_set

_URL = re.compile(
    r"(https?)://(?:[^/?#\s]*@)?([\w.-]{1,255}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?((?:[/?#]\S*)?)",
    re.IGNORECASE,
)
_URL_LIMIT = 2000
_QUOTED_IN_URL = {ord(c): f"%{ord(c):02X}" for c in '"<>\\^`{|}'}


def url(text: str | None) -> str | None:
    r"""Read an http(s) address; None for anything else: other schemes, relative, with blanks.

    Scheme and host in lower case, credentials taken off, characters that no address may hold
    (quotes, ``<``, ``\``) percent-encoded, so that it may stand in HTML and Markdown. One of more
    than 2,000 characters is no address: cut, it would lead elsewhere.
    """
    if text is None or len(text) > 2 * _URL_LIMIT:
        return None
    match = _URL.fullmatch(unicodedata.normalize("NFC", clean(text)).strip())
    if match is None or "\\" in match[0].partition("://")[2].partition("/")[0]:
        return None
    scheme, host, port, rest = match.groups()
    address = f"{scheme.lower()}://{host.lower()}{port or ''}{rest.translate(_QUOTED_IN_URL)}"
    return address if len(address) <= _URL_LIMIT else None


# -------------------------------------------------------------------------------------- licences

_CC_ADDRESS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:"
    r"licenses/(?P<kind>by(?:-(?:nc|nd|sa)){0,2})/(?P<version>[1-4]\.[05])"
    r"|publicdomain/(?P<domain>zero|mark)/1\.0)"
    r"(?:/[a-z]{2,5}(?:-[a-z]{2,5})?)?(?:/(?:legalcode|deed)(?:\.[a-z]{2,3}(?:[-_][a-z]{2,4})?)?)?/?",
    re.IGNORECASE,
)
_CC_KINDS = {
    "by": "BY", "by-nc": "BY-NC", "by-nd": "BY-ND", "by-sa": "BY-SA",
    "by-nc-nd": "BY-NC-ND", "by-nd-nc": "BY-NC-ND", "by-nc-sa": "BY-NC-SA",
}  # fmt: skip
_CC_VERSIONS = ("1.0", "2.0", "2.5", "3.0", "4.0")
_CC_DOMAIN = {"zero": "CC0-1.0", "mark": "CC-PDM-1.0"}
_SPDX = {
    spdx.lower(): spdx
    for spdx in (
        *(f"CC-{kind}-{version}" for kind in _CC_KINDS.values() for version in _CC_VERSIONS),
        *_CC_DOMAIN.values(), "CC-PDDC", "0BSD", "AFL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later",
        "Apache-2.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ECL-2.0",
        "EPL-2.0", "EUPL-1.2", "GFDL-1.3-only", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only",
        "GPL-3.0-or-later", "ISC", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only",
        "LGPL-3.0-or-later", "MIT", "MPL-2.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "Unlicense",
        "Zlib",
    )
}  # fmt: skip
"""The licences that papers, data and code come under, of https://spdx.org/licenses/."""
_ARXIV_LICENSE = re.compile(
    r"https?://(?:www\.)?arxiv\.org/licenses/([a-z0-9-]{1,60})(?:/(\d\.\d))?/?", re.IGNORECASE
)
_LICENSE_LIMIT = 500


@lru_cache(maxsize=1_024)  # a source names the same few again and again
def license_id(text: str | None) -> str | None:
    """Name a licence by its SPDX id, else by its address; None where it is neither.

    A ported Creative Commons licence (/us/) is named by its unported id. arXiv's own licences have
    no SPDX id: their https address, with its closing slash. A licence named without its version
    (OpenAlex's cc-by) is None: which one it is cannot be known.
    """
    if text is None or len(text) > _URL_LIMIT:
        return None
    text = clean(text).strip()
    if spdx := _SPDX.get(re.sub(r"[\s_-]+", "-", text).lower()):
        return spdx
    if match := _CC_ADDRESS.fullmatch(text):
        if match["domain"]:
            return _CC_DOMAIN[match["domain"].lower()]
        kind = _CC_KINDS.get(match["kind"].lower())
        if kind and match["version"] in _CC_VERSIONS:
            return f"CC-{kind}-{match['version']}"
    if match := _ARXIV_LICENSE.fullmatch(text):
        version = f"{match[2]}/" if match[2] else ""
        return f"https://arxiv.org/licenses/{match[1].lower()}/{version}"
    address = url(text)
    return address if address is not None and len(address) <= _LICENSE_LIMIT else None


# ---------------------------------------------------------------------------------- repositories

_FORGE_MARKS = ("github.com", "gitlab.", "bitbucket.org", "codeberg.org", "gitee.com",
                "sourceforge.net", "code.google.com")  # fmt: skip
_PART = r"(?:(?!https?://)[a-z0-9._-]){1,100}"
_FORGE = re.compile(
    rf"""(?<![\w.-])(?:www\.)?
    (?:(?P<host>github\.com|bitbucket\.org|codeberg\.org|gitee\.com)[/:](?P<owner>{_PART})/(?P<repo>{_PART})
      |(?P<gitlab>gitlab(?:\.[a-z0-9-]{{1,40}}){{1,4}})[/:](?P<path>{_PART}(?:/{_PART}){{1,6}})
      |sourceforge\.net/(?:projects|p)/(?P<project>[a-z0-9-]{{1,60}})
      |(?P<subdomain>[a-z0-9-]{{1,60}})\.sourceforge\.net
      |code\.google\.com/(?:archive/)?p/(?P<google>[a-z0-9-]{{1,60}}))""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_NO_OWNERS = word_set(
    "about apps blog collections contact customer-stories enterprise explore features join login "
    "marketplace notifications orgs pricing readme search security settings site sponsors topics "
    "trending users"
)
_NO_REPOSITORIES = frozenset(
    {"", "-", "tree", "blob", "raw", "issues", "commit", "wikis", "merge_requests"}
)
_NO_PROJECTS = word_set("downloads git hg lists prdownloads svn cvs master www")


def code_url(text: str | None) -> str | None:
    """Find the first address of a code repository in an abstract or comment, in its normal form.

    GitHub, GitLab (any host named gitlab., with subgroups), Bitbucket, Codeberg, Gitee, SourceForge
    and Google Code, with or without scheme, also as git remotes. Cut to the repository. Owners'
    pages, gists, organisations and project pages (github.io) are no repositories; Hugging Face
    repositories are models and data, not the paper's code. Upper and lower case stay as printed.
    """
    if text is None:
        return None
    lower = text.lower()
    if "/" not in text and ".sourceforge.net" not in lower:
        return None
    for mark in _FORGE_MARKS:
        if mark in lower:
            break
    else:
        return None
    for match in _FORGE.finditer(text.replace("{\\_}", "_").replace("\\_", "_")):
        if found := _repository(match):
            return found
    return None


def _repository(match: re.Match[str]) -> str | None:
    if match["host"]:
        owner, repo = match["owner"], _repository_name(match["repo"])
        if owner.lower() in _NO_OWNERS or not owner.strip(".-_") or not repo:
            return None
        return f"https://{match['host'].lower()}/{owner}/{repo}"
    if match["gitlab"]:
        parts: list[str] = []
        for part in match["path"].split("/"):
            if part in _NO_REPOSITORIES or not part.strip(".-_"):
                break
            parts.append(part)
        if parts:
            parts[-1] = _repository_name(parts[-1])
        path = "/".join(filter(None, parts))
        return f"https://{match['gitlab'].lower()}/{path}" if "/" in path else None
    if match["google"]:
        return f"https://code.google.com/p/{match['google'].lower().strip('-')}"
    project = (match["project"] or match["subdomain"]).lower().strip("-")
    return f"https://sourceforge.net/projects/{project}" if project not in _NO_PROJECTS else None


def _repository_name(text: str) -> str:
    while text != (shorter := text.rstrip(".").removesuffix(".git")):
        text = shorter
    return "" if not text.strip(".-_") else text
