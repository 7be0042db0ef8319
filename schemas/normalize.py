"""Pure functions from what sources write to the one form we store: text, names, identifiers, dates.

Every function is total (any string of any length gives an answer, never an exception), cheap
(costly cleaners run only where a cheap test finds their marks, no expression backtracks) and
idempotent where its result is of the kind it takes.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

from pylatexenc.latex2text import get_default_latex_context_db  # type: ignore[import-untyped]  # has none

from schemas.paper import Author, Identifier


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ---------------------------------------------------------------------------------------- cleaning

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # control characters
    "\u202a-\u202e\u2066-\u2069"  # bidi embeddings, overrides, isolates
    "\ufeff\ufffe\uffff]"  # byte order mark and what is no character
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    r"""Make text safe for Arrow, JSON, XML and terminals; all text passes here once, first.

    Halves of a surrogate pair are joined, lone ones become U+FFFD. Line ends of any kind become
    ``\n``. Control characters other than ``\n`` and ``\t`` go, and with them the byte order mark
    and the bidi controls that can make a title read as another one; zero-width joiners stay,
    because Persian and Indic words need them.
    """
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))


def _line(text: str) -> str:
    """Fold to one line: cleaned, NFC, single blanks."""
    return " ".join(unicodedata.normalize("NFC", clean(text)).split())


# -------------------------------------------------------------------------------------- paragraphs


def _block(text: str) -> str:
    """Fold to one line a paragraph, with a blank line between; its own results stay as they are.

    A blank line ends a paragraph, and so does a line that begins with two blanks, as arXiv prints
    them; any other line break is only where the line was full.
    """
    text = unicodedata.normalize("NFC", clean(text)).strip()
    if "\n" not in text:
        return " ".join(text.split())
    paragraphs: list[list[str]] = [[]]
    for line in text.split("\n"):
        words = line.split()
        if paragraphs[-1] and (not words or line.startswith(("  ", "\t"))):
            paragraphs.append([])
        paragraphs[-1].extend(words)
    return "\n\n".join(" ".join(words) for words in paragraphs if words)


# -------------------------------------------------------------------------------- HTML in the text

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


def _unescape(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def _without_tags(text: str) -> str:
    """Take simple tags off where something is closed; ``<b> versus <p>`` and ``a < b`` stay."""
    if "</" in text or "/>" in text:
        return _INLINE_TAG.sub("", _BREAKING_TAG.sub("\n\n", text))
    return _BARE_BREAK.sub("\n\n", text)


# ------------------------------------------------------------------------------- LaTeX in the text

_MATH = (
    r"\$\$(?:[^$\\\n]|\\[^\n])*+\$\$"
    r"|\$(?!\d[^$\\\n]*\s\$[\w\\(])(?:[^$\\\n]|\\[^\n])*+\$"  # but "$5 and $10" are prices
    r"|\\\((?:[^\\\n]|\\[^()\n])*+\\\)"
    r"|\\\[(?:[^\\\n]|\\[^\[\]\n])*+\\\]"
)
_MATH_PARTS = re.compile(f"({_MATH})")
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306",
    ".": "\u0307", '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323",
    "c": "\u0327", "k": "\u0328", "b": "\u0331",
}  # fmt: skip
_ACCENT_KINDS = {"argument": "braced", "dotless": "over", "letter": "mark", "spaced": "named"}
"""Group of the letter under the accent -> group of the accent."""
_DOTLESS = {"\\i": "i", "\\j": "j"}
_OWN_SYMBOLS = {
    "deg": "°", "copyright": "©", "pounds": "£", "S": "§", "quad": " ", "qquad": " ",
    "LaTeX": "LaTeX", "TeX": "TeX", "etal": "et al.",
}  # fmt: skip
"""What pylatexenc's table lacks, or means otherwise in titles (arXiv writes ° as ``{\\deg}``)."""
_SWITCHES = _words(
    "it em bf tt sc sl sf rm cal small large itshape bfseries ttfamily scshape normalfont "
    "displaystyle limits nolimits left right big bigl bigr noindent protect relax xspace"
)
_WRAPPERS = {
    **dict.fromkeys(
        _words(
            "emph text textit textbf texttt textsc textsf textsl textrm textup textmd textnormal "
            "textsuperscript textsubscript mbox hbox underline uline url path nolinkurl mathrm mathbf "
            "mathit mathsf mathtt mathbb mathcal mathscr mathfrak boldsymbol bm ensuremath"
        ),
        ("", ""),
    ),
    "footnote": (" (", ")"),
    "thanks": (" (", ")"),
    "sqrt": ("√(", ")"),
}
"""What stands before and after the argument in place of the macro."""
_ROUNDS = 8
"""Markup that still moves after so many rounds is not markup: the text stays as it was."""


_TOKEN = re.compile(
    rf"""(?P<plain>[^\\{{}}$]++|{_MATH})
    |\\(?P<braced>["'`^~=.cvHukrdb])[ ]?\{{[ ]?(?P<argument>\\[A-Za-z]{{1,20}}|[^\W\d_]|)[ ]?\}}
    |\\(?P<over>["'`^~=.cvHukrdb])(?P<dotless>\\[ij])(?![A-Za-z])(?:\{{\}}|[ ])?
    |\\(?P<mark>["'`^~=.])(?P<letter>[^\W\d_])
    |\\(?P<named>[cvHukrdb])[ ](?P<spaced>[^\W\d_])
    |\\(?P<torn>[bcdHkrtuv]\{{[a-z]{{2,12}})\}}  # arXiv writes \beta as \b{{eta}}
    |\\(?P<escaped>[%&\#_{{}}$]|["'](?!\{{))
    |(?P<blank>\\\\(?:\[[^\]\n]{{0,10}}\])?|\\[,;:]|(?<![\s])\\[ ]|\\$)
    |(?P<nothing>\\[!/-])
    |\\cite[a-z]{{0,10}}\*?(?:\[[^\]\n]{{0,80}}\]){{0,2}}\{{(?P<cited>[^{{}}\\\n]{{1,500}})\}}
    |\\(?:href|hyperlink)\{{(?P<href>[^{{}}\n]{{1,2000}})\}}[ ]?\{{
    |\\(?P<wrapper>{"|".join(sorted([*_WRAPPERS, *_SWITCHES], reverse=True))})[ ]?\{{
    |\\(?P<macro>[A-Za-z]++\*?)(?P<after>[ ]?(?:\{{\}})?)
    |(?P<protected>\{{[A-Z][\w.'-]*+(?:[ ][\w.'-]++)*+\}})
    |(?P<rest>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@cache
def _symbols() -> dict[str, str]:
    """Name every macro that stands for a character or a word: pylatexenc's table and our own."""
    database = get_default_latex_context_db()
    specs = database.iter_macro_specs(database.categories())
    found = {
        spec.macroname: spec.simplify_repl
        for spec in specs
        if spec.macroname.isalpha()
        and isinstance(spec.simplify_repl, str)
        and spec.simplify_repl.strip()
        and not set("%<") & set(spec.simplify_repl)
    }
    found.pop("today", None)
    return found | _OWN_SYMBOLS


class _Group(NamedTuple):
    """An open brace: where it stands in the output, and what closes it."""

    start: int
    close: str | None
    """What to write for its end; None: nothing if it held markup, else the braces stay."""
    href: str | None = None
    """Address that follows it."""
    is_argument: bool = False
    """Whether it belongs to a macro that stays, so that another argument may follow."""


def _without_latex(text: str) -> str:
    """Resolve LaTeX outside math in one pass; what is not understood stays as it is."""
    out: list[str] = []
    groups: list[_Group] = []
    held_markup: set[int] = set()
    follows_script = follows_macro = False  # what stays and whose braces stay with it
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup, match[0]
        is_script, is_argument = follows_script, follows_macro
        follows_script = follows_macro = False
        piece: str | None = None
        if kind == "plain":
            out.append(found)
            follows_script = found[-1] in "_^"
            continue
        if kind in _ACCENT_KINDS:
            piece = _accented(match, text)
        elif kind == "torn":
            piece = _symbols().get(match["torn"].replace("{", ""))
        elif kind == "escaped":
            out.append(found[1])
            follows_script = found[1] == "_"
            continue
        elif kind == "blank":
            piece = " "
        elif kind == "nothing":
            piece = ""
        elif kind == "cited":
            piece = f"[{match['cited']}]"
        elif kind == "href":
            groups.append(_Group(len(out), "", match["href"]))
            out.append("")
            continue
        elif kind == "wrapper":
            before, close = _WRAPPERS.get(match["wrapper"], ("", ""))
            groups.append(_Group(len(out), close))
            out.append(before)
            continue
        elif kind == "after":
            piece = _resolved_macro(match["macro"], match["after"], "".join(out[-1:]))
            follows_macro = piece is None
        elif kind == "protected":
            is_word = len(found) > 3 or text[match.end() : match.end() + 1].isalpha()
            follows_macro = is_argument
            out.append(found[1:-1] if is_word and not (is_script or is_argument) else found)
            continue
        elif found == "{":
            kept = "}" if is_script or is_argument else None
            groups.append(_Group(len(out), kept, is_argument=is_argument))
            out.append(found)
            continue
        elif found == "}" and groups:
            group = groups.pop()
            _close(group, match.end() == len(text), out, held_markup)
            follows_macro = group.is_argument
            continue
        if piece is None:
            out.append(found)
        else:
            out.append(piece)
            if groups:
                held_markup.add(groups[-1].start)
    for group in groups:
        if group.href is not None:
            out[group.start] = f"{group.href} "
    return "".join(out)


def _close(group: _Group, is_last: bool, out: list[str], held_markup: set[int]) -> None:
    """Write what belongs at the end of a group."""
    if group.href is not None:
        shown = "".join(islice(out, group.start + 1, group.start + 10)).strip()
        same = shown == group.href.replace("\\_", "_").replace("\\~", "~") or not shown
        if same:
            out[group.start + 1 :] = [group.href]
        else:
            out.append(f" ({group.href})")
    elif group.close is not None:
        out.append(group.close)
    elif group.start in held_markup or (group.start == 0 and is_last):
        out[group.start] = ""
    else:
        out.append("}")
    held_markup.discard(group.start)


def _accented(match: re.Match[str], text: str) -> str | None:
    """Put the accent on its letter; None where it is no accent."""
    kind = str(match.lastgroup)
    accent, base = match[_ACCENT_KINDS[kind]], match[kind]
    if accent == "~" and text[match.start() - 1 : match.start()] == "/":
        return f"~{base}"  # a home page: .../\\~name
    if not base:
        return accent if accent in "~^" else ""
    base = _DOTLESS.get(base, base)
    if base[0] == "\\":
        base = _symbols().get(base[1:], "")
    if len(base) != 1:
        return None
    whole = unicodedata.normalize("NFC", base + _ACCENTS[accent])
    if len(whole) == 1 or kind == "argument":
        return whole
    return accent + base if accent in "\"'`" else None  # \"quoted", not an umlaut


def _resolved_macro(name: str, after: str, previous: str) -> str | None:
    """Say what a macro prints, with the blank that is due around a word; None where unknown."""
    if name in _SWITCHES:
        return ""
    symbol = _symbols().get(name)
    if symbol is None:
        return None
    if len(symbol) > 1 and symbol.isalpha():
        symbol = f" {symbol}" if previous[-1:].isalnum() else symbol
    elif symbol.isalpha() and unicodedata.name(symbol).startswith("LATIN"):
        return symbol  # \o re is ore with a stroke
    return f"{symbol} " if after == " " else symbol


# --------------------------------------------------------------------------------- readable text

_TIE = re.compile(
    r"(?:^|(?<=[\w.,;:)\]}%'\"”]))~(?=[^\W\d_]|[(\[\s\\“\"`]|$|(?<=[^\W\d_]~)\d|(?<=[.)]~)\d)"
)
_QUOTED = re.compile(r"``([^`\n]{0,400}?)(?:''|\")")
_DASHES = re.compile(r"(?<![-<!\s])(-{2,3})(?![->\s])|(?<=\s)(-{2,3})(?=\s|$)")


def _dash(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 200) : match.start()]
    word = before[before.rfind(" ") + 1 :]
    if "/" in word or "www." in word:
        return match[0]  # inside an address
    return "\u2013" if len(match[0]) == 2 else "\u2014"


def _is_marked(text: str) -> bool:
    return (
        "\\" in text
        or "{" in text
        or "&" in text
        or "<" in text
        or "~" in text
        or "--" in text
        or "``" in text
    )


def _typeset(text: str) -> str:
    """Do in text what belongs outside math: tags, ties, quotes, dashes."""
    if "<" in text:
        text = _without_tags(text)
    if "~" in text:
        text = _TIE.sub(" ", text)
    if "``" in text:
        text = _QUOTED.sub(r"“\1”", text)
    if "--" in text:
        text = _DASHES.sub(_dash, text)
    return text


def _settled(text: str, fold: Callable[[str], str]) -> str:
    """Resolve markup until nothing changes, so that doing it again changes nothing either."""
    now = text
    for _ in range(_ROUNDS):
        if not _is_marked(now):
            return now
        was = now
        if "&" in now:
            now = clean(_ENTITY.sub(_unescape, now))
        if "\\" in now or "{" in now:
            now = _without_latex(now)
        if "$" in now or "\\" in now:
            parts = _MATH_PARTS.split(now)
            parts[::2] = map(_typeset, parts[::2])
            now = "".join(parts)
        else:
            now = _typeset(now)
        now = fold(now)
        if now == was:
            return now
    return text


def readable(text: str | None) -> str | None:
    r"""Make text readable on one line; None where nothing is left.

    HTML entities (also escaped twice) and simple tags, LaTeX accents, symbols, text macros, quotes,
    dashes and ties are resolved outside math; NFC; white space folded. Math (``$...$``, ``\(...\)``)
    and macros that are not known stay as they are, as do braces that may be a set's
    (``{0,1}^n``) and a ``~`` that may mean "about".
    """
    if text is None:
        return None
    return _settled(_line(text), _line) or None


def readable_block(text: str | None) -> str | None:
    r"""Make an abstract readable, one line a paragraph; None where nothing is left.

    A paragraph begins after a blank line, at a line that begins with two blanks (arXiv), or at a
    block-level tag; in the result a blank line stands between paragraphs.
    """
    if text is None:
        return None
    return _settled(_block(text), _block) or None


# ------------------------------------------------------------------------------------ title key

_NOT_ASCII_KEY = re.compile("[^a-z0-9]+")
_FOLDED_MARKS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
_GREEK = {
    0x3B1 + offset: unicodedata.name(chr(0x3B1 + offset))
    .split()[-1]
    .lower()
    .replace("lamda", "lambda")
    for offset in range(25)
}
_PLAIN = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t",
    "ŋ": "n", "\u0131": "i", "\u0237": "j",
}  # fmt: skip
"""Letters that do not decompose, as people without them type them."""
_SPELLED = _GREEK | {ord(letter): plain for letter, plain in _PLAIN.items()}
_MACRO = re.compile(r"\\([A-Za-z]+)")
_UNPRINTED = _words(
    "frac dfrac tfrac binom hat widehat tilde widetilde bar overline vec dot ddot check breve acute "
    "grave begin end Big Bigl Bigr bigg biggl biggr operatorname mathop mathbin mathrel label"
)
"""Macros of math that print no letter of their own."""


def _key_macro(match: re.Match[str]) -> str:
    name = match[1]
    if name in _WRAPPERS or name in _SWITCHES or name in _UNPRINTED:
        return " "
    return _symbols().get(name, name)


def title_key(title: str | None) -> str | None:
    r"""Reduce a title to what must be equal for a match; None where nothing is left.

    Letters and digits of the readable title in lower case: accents folded, Greek spelled out,
    ligatures and script variants resolved, math macros replaced by what they print. Letters of all
    scripts stay, with the marks that Indic scripts cannot do without.
    """
    text = readable(title)
    if text is None:
        return None
    if "\\" in text:
        text = _MACRO.sub(_key_macro, text)
    if text.isascii():
        return _NOT_ASCII_KEY.sub("", text.lower()) or None
    for _ in range(_ROUNDS):
        key = _folded(text)
        if key == text:
            break
        text = key
    return text or None


def _folded(text: str) -> str:
    text = _FOLDED_MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    kept = [c for c in text.translate(_SPELLED) if c.isalnum() or unicodedata.category(c)[0] == "M"]
    if not any(map(str.isalnum, kept)):
        return ""
    return unicodedata.normalize("NFC", "".join(kept))


# -------------------------------------------------------------------------------- identifiers: DOI

_DOI = re.compile(
    r"(?<![\d.])10\.\d{4,9}(?:\.\d{1,9}){0,3}/"
    r"((?:[^\s;,|\"\\{}^`%?<\x7f-\U0010ffff]"
    r"|[;,|](?![;,|\s]*(?:https?:|doi|(?:dx\.)?doi\.org|10\.\d{4}))"
    r"|<(?!/|[A-Za-z]{1,12}/?>))++)",
    re.ASCII | re.IGNORECASE,
)
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")
_DOI_PAGE = re.compile(r"(?:/(?:abstract|full|fulltext|pdf|epdf|meta)|\.pdf)$")
_DOI_LIMIT = 255
_PAIRS = {")": "(", "]": "[", ">": "<"}
_ARXIV_DOI = "10.48550/arxiv."


def dois(text: str | None) -> list[str]:
    """Find all distinct DOIs of a text, in order, in lower case without address.

    Percent-encoding and HTML entities are undone; what follows ``;``, ``,`` or a blank is part of
    the DOI only if it can be (SICI DOIs hold ``;``, ``<`` and ``>``); trailing punctuation, the
    tails of publishers' pages (``/abstract``, ``.pdf``) and brackets without their partner are cut.
    arXiv's own DOIs are left to `arxiv_id`. DOIs are taken to be ASCII, at most 255 characters.
    """
    if text is None or "10." not in text:
        return []
    if "%" in text:
        text = unquote(re.sub("%(?:25)+", "%", text), errors="replace")
    if "&" in text:
        text = _ENTITY.sub(_unescape, text)
    if not text.isascii():
        text = text.translate(_HYPHENS)
    text = clean(text.replace("\\_", "_"))
    found: dict[str, None] = {}
    for match in _DOI.finditer(text):
        if len(match[0]) > _DOI_LIMIT:
            continue
        value = _trimmed_doi(match[0].lower())
        if not value.endswith("/") and not value.startswith(_ARXIV_DOI):
            found[value] = None
    return list(found)


def doi(text: str | None) -> str | None:
    """Find the first DOI of a text, as `dois` does."""
    found = dois(text)
    return found[0] if found else None


def _trimmed_doi(value: str) -> str:
    prefix, _, suffix = value.partition("/")
    while True:
        shorter = _DOI_PAGE.sub("", _balanced(suffix).rstrip(".,;:!'*_-([<|&=+$/"))
        if shorter == suffix:
            return f"{prefix}/{suffix}"
        suffix = shorter


def _balanced(text: str) -> str:
    """Cut before the first closing bracket that nothing opened."""
    depth = dict.fromkeys(_PAIRS.values(), 0)
    for place, character in enumerate(text):
        if character in depth:
            depth[character] += 1
        elif character in _PAIRS:
            depth[_PAIRS[character]] -= 1
            if depth[_PAIRS[character]] < 0:
                return text[:place]
    return text


# ------------------------------------------------------------------------------ identifiers: arXiv


class ArxivId(NamedTuple):
    """An arXiv identifier."""

    id: str
    """Without version; old style without subject class."""
    version: int | None
    """The version named with it, from 1."""


_ARXIV = re.compile(
    r"""(?:https?://)?
    (?:(?:[a-z]{1,10}\.)?arxiv\.org/(?:abs|pdf|html|format|ps|e-print|src|list)/(?:arxiv:)?
      |(?:dx\.|www\.)?doi\.org/10\.48550/arxiv\.|(?:doi:\s?)?10\.48550/arxiv\.
      |oai:arxiv\.org:|arxiv\s?:\s?|)
    (?:(?P<new>(?P<yymm>\d{2}(?:0[1-9]|1[0-2]))\.(?P<number>\d{4,5}))
      |(?P<archive>acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg
        |comp-gas|cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|math|mtrl-th
        |nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con)
        (?:\.[a-z-]{2,20})?/(?P<old>(?:9[1-9]|0[0-7])(?:0[1-9]|1[0-2])\d{3}))
    (?:v(?P<version>[1-9]\d{0,2}))?
    (?:\.pdf)?/?(?:[?\#]\S*)?(?:\s?\[[a-z-]{2,12}(?:\.[a-z-]{2,12})?\])?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_ARXIV_LIMIT = 300


def arxiv_id(text: str | None) -> ArxivId | None:
    """Read an arXiv identifier: bare, with prefix, as an address, an OAI id or an arXiv DOI.

    The whole text must be one; a category in brackets, as arXiv prints it, may follow. Four digits
    after the point until 1412, five since 1501; no number is 0.
    https://info.arxiv.org/help/arxiv_identifier.html
    """
    if text is None or len(text) > _ARXIV_LIMIT:
        return None
    text = text.strip()
    match = _ARXIV.fullmatch(unquote(text) if "%" in text else text)
    if match is None:
        return None
    version = int(match["version"]) if match["version"] else None
    if match["old"]:
        is_issued = not "0703" < match["old"][:4] < "9107" and match["old"][4:] != "000"
        return ArxivId(f"{match['archive'].lower()}/{match['old']}", version) if is_issued else None
    month, number = int(match["yymm"]), match["number"]
    digits = 5 if month >= 1501 else 4
    if month < 704 or len(number) != digits or not int(number):
        return None
    return ArxivId(match["new"], version)


def identifiers(
    *, doi: str | None = None, arxiv_id: str | None = None, **others: str | None
) -> tuple[Identifier, ...]:
    """Make the list of identifiers, sorted by scheme and value; the unknown ones left out.

    Values must be in normal form already; a scheme in `others` is its keyword's name.
    """
    known = {"doi": doi, "arxiv": arxiv_id, **others}
    return tuple(
        Identifier(scheme=scheme, value=value) for scheme, value in sorted(known.items()) if value
    )


# -------------------------------------------------------------------------------------------- names


def name(text: str | None) -> str | None:
    """Make a person's name readable, as printed; None where no letter or digit is left."""
    found = readable(text)
    return found if found is not None and any(map(str.isalnum, found)) else None


def author(
    family: str | None,
    given: str | None = None,
    suffix: str | None = None,
    affiliation: str | None = None,
) -> Author | None:
    """Make an author of a name in parts, in reading order; None without a name."""
    given = name(given)
    family = " ".join(filter(None, (name(family), name(suffix)))) or None
    printed = " ".join(filter(None, (given, family)))
    if not printed:
        return None
    return Author(name=printed, given=given, family=family, affiliation=readable(affiliation))


def author_of(printed: str | None) -> Author | None:
    """Make an author of a printed name; which part is the family name is not guessed."""
    found = name(printed)
    return None if found is None else Author(name=found)


# -------------------------------------------------------------------------------------------- times

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?)"
    r"[ ]?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_RFC_2822 = re.compile(
    r"(?:[a-z]{3},?\s+)?\d{1,2}\s+[a-z]{3}\s+\d{4}"
    r"(?:\s+\d\d?:\d\d(?::\d\d)?(?:\s+(?:[a-z]{1,5}|[+-]\d{4}))?)?",
    re.ASCII | re.IGNORECASE,
)
_YEARS = range(1500, 2201)
_TIME_LIMIT = 64


def to_datetime(text: str | None) -> datetime | None:
    """Read an ISO 8601 or RFC 2822 date or time as UTC; one without zone is UTC, a day its midnight.

    None for anything else and for years outside 1500 to 2200. Microseconds are kept.
    """
    if text is None or len(text) > _TIME_LIMIT:
        return None
    text = text.strip()
    try:
        if match := _ISO.fullmatch(text):
            day, time, zone = match.groups()
            is_utc = zone is None or zone.isalpha()
            found = datetime.fromisoformat(f"{day}T{time or '00:00'}{'+00:00' if is_utc else zone}")
        elif _RFC_2822.fullmatch(text):
            found = parsedate_to_datetime(text if ":" in text else f"{text} 00:00")
        else:
            return None
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year in _YEARS else None


def to_date(text: str | None) -> date | None:
    """Read a day, or the UTC day of a time, as `to_datetime` reads times."""
    found = to_datetime(text)
    return None if found is None else found.date()


# ---------------------------------------------------------------------------------------- addresses

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
_NO_OWNERS = _words(
    "about apps blog collections contact customer-stories enterprise explore features join login "
    "marketplace notifications orgs pricing readme search security settings site sponsors topics "
    "trending users"
)
_NO_REPOSITORIES = frozenset(
    {"", "-", "tree", "blob", "raw", "issues", "commit", "wikis", "merge_requests"}
)
_NO_PROJECTS = _words("downloads git hg lists prdownloads svn cvs master www")


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
    if not any(mark in lower for mark in _FORGE_MARKS):
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


# --------------------------------------------------------------------------------------- withdrawal

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
    text = _line(comment[:_COMMENT_LIMIT]).lower().replace("\u2019", "'")
    return any(pattern.search(text) for pattern in _WITHDRAWN)


_COMMENT_LIMIT = 10_000


# ---------------------------------------------------------------------------------------- excerpts

_EXCERPT_ITEMS = 10
_EXCERPT_DEPTH = 4


def excerpt(value: object, limit: int = 200) -> str:
    """Show the start of any value on one clean line of at most `limit` characters.

    Of containers only the first ten items are looked at, four levels deep, of texts and bytes only
    what can be shown, so the cost does not follow the size; what cannot be shown is named by its
    type.
    """
    try:
        shown = value[: 4 * limit] if isinstance(value, str) else _shown(value, limit, 0)
    except Exception:  # a foreign __repr__ may raise anything, and quarantine must not
        shown = f"<{type(value).__name__}>"
    is_cut = isinstance(value, str) and len(value) > len(shown)
    line = _line(shown[: 4 * max(limit, 0)])
    if len(line) <= limit and not is_cut:
        return line
    return line[: max(limit - 1, 0)].rstrip() + "…" if limit > 0 else ""


def _shown(value: object, limit: int, depth: int) -> str:
    if isinstance(value, str | bytes | bytearray):
        return repr(value[:limit])
    if isinstance(value, int) and value.bit_length() > 4 * limit:
        return f"<int of {value.bit_length()} bits>"
    if isinstance(value, Mapping | Sequence | Set) and depth >= _EXCERPT_DEPTH:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        pairs = (
            f"{_shown(key, limit, depth + 1)}: {_shown(item, limit, depth + 1)}"
            for key, item in islice(value.items(), _EXCERPT_ITEMS)
        )
        return f"{{{_listed(pairs, len(value))}}}"
    if isinstance(value, Sequence | Set) and not isinstance(value, range | memoryview):
        items = (_shown(item, limit, depth + 1) for item in islice(value, _EXCERPT_ITEMS))
        opening, closing = "()" if isinstance(value, tuple) else "[]"
        return f"{opening}{_listed(items, len(value))}{closing}"
    return repr(value)


def _listed(items: Iterable[str], count: int) -> str:
    return ", ".join(items) + (", ..." if count > _EXCERPT_ITEMS else "")
