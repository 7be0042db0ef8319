"""LaTeX in the text: outside math it is resolved, and what is not understood stays."""

import re
import unicodedata
from functools import cache
from itertools import islice
from typing import NamedTuple

from pylatexenc.latex2text import get_default_latex_context_db  # type: ignore[import-untyped]  # has none

from schemas.normalize.cleaning import word_set

_MATH = (
    r"\$\$(?:[^$\\\n]|\\[^\n])*+\$\$"
    r"|\$(?!\d[^$\\\n]*\s\$[\w\\(])(?:[^$\\\n]|\\[^\n])*+\$"  # but "$5 and $10" are prices
    r"|\\\((?:[^\\\n]|\\[^()\n])*+\\\)"
    r"|\\\[(?:[^\\\n]|\\[^\[\]\n])*+\\\]"
)
MATH_PARTS = re.compile(f"({_MATH})")
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
_SWITCHES = word_set(
    "it em bf tt sc sl sf rm cal small large itshape bfseries ttfamily scshape normalfont "
    "displaystyle limits nolimits left right big bigl bigr noindent protect relax xspace"
)
_WRAPPERS = {
    **dict.fromkeys(
        word_set(
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
_MACRO = re.compile(r"\\([A-Za-z]+)")
_UNPRINTED = word_set(
    "frac dfrac tfrac binom hat widehat tilde widetilde bar overline vec dot ddot check breve acute "
    "grave begin end Big Bigl Bigr bigg biggl biggr operatorname mathop mathbin mathrel label"
)
"""Macros of math that print no letter of their own."""

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


def without_latex(text: str) -> str:
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


def without_macros(text: str) -> str:
    """Replace the macros of readable text, so of math, by what they print; the unknown by their name."""
    return _MACRO.sub(_printed_macro, text)


def _printed_macro(match: re.Match[str]) -> str:
    name = match[1]
    if name in _WRAPPERS or name in _SWITCHES or name in _UNPRINTED:
        return " "
    return _symbols().get(name, name)
