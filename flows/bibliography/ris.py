"""RIS, as reference managers and databases export it: a tag and a value a line, ``ER`` at the end.

Read here rather than by rispy 0.10, which loses a record without ``ER``, raises KeyError on a tag that
stands before any record, does not say at which line, and joins long values in quadratic time.
https://web.archive.org/web/20110930172154/http://www.refman.com/support/risformat_intro.asp
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from flows.bibliography.batches import MOST_OF_A_RECORD, Batch, Complain, gathered
from flows.bibliography.opened import Opened

_STRICT = re.compile(r"([A-Z][A-Z0-9])  - ?(.*)", re.DOTALL)
# As some programs write it; of tags that occur, so that "US - based" goes on with its sentence.
_LOOSE = re.compile(
    r"\s{0,3}(A[1-4BDNU]|BT|C[1-8APTY]|D[A-BIOPS]|E[DPR]|I[DS]|J[2AFO]|KW|L[1-4AKB]|M[1-3]|N[12V]|OP|P[BYP]|"
    r"R[NPI]|S[ENPTV]|T[1-3AITY]|U[1-5R]|V[LO]|Y[12]) {0,3}-(?: (.*)|\s*)",
    re.DOTALL,
)


@dataclass(slots=True)
class _Open:
    """A record that has begun."""

    line: int
    fields: dict[str, list[list[str]]] = field(default_factory=dict)
    """Tag -> its values, each in the pieces in which it came."""
    size: int = 0
    is_foreign: bool = False
    """Whether it has not begun with TY."""


def batches(opened: Opened, complain: Complain) -> Iterator[Batch]:
    """The records of a file; there is nothing that makes the file as a whole unreadable."""
    return gathered(_records(opened, complain))


def _records(opened: Opened, complain: Complain) -> Iterator[tuple[int, dict[str, list[str]], int]]:
    record: _Open | None = None
    values: list[str] | None = None
    for number, line in opened.lines(complain):
        match = _STRICT.fullmatch(line) or _LOOSE.fullmatch(line)
        tag = match[1] if match else None
        text = ((match[2] or "") if match else line).strip()
        if tag == "ER" or tag == "TY":
            # A new TY ends a record that nothing else has ended.
            if record is not None:
                yield from _ended(record, complain)
            record = _Open(number) if tag == "TY" else None
            values = None
        if tag == "ER" or not text:
            continue
        if record is None:
            record = _Open(number, is_foreign=True)
        record.size += len(line)
        if record.size > MOST_OF_A_RECORD:
            record.fields.clear()
            continue
        if tag is not None:
            values = [text]
            record.fields.setdefault(tag, []).append(values)
        elif values is not None:
            values.append(text)
    if record is not None:
        yield from _ended(record, complain)


def _ended(record: _Open, complain: Complain) -> Iterator[tuple[int, dict[str, list[str]], int]]:
    if record.is_foreign:
        complain(record.line, "stands outside of any record: TY is missing before it")
    elif record.size > MOST_OF_A_RECORD:
        complain(record.line, f"is a record of more than {MOST_OF_A_RECORD:,} characters")
    else:
        fields = {tag: [" ".join(item) for item in found] for tag, found in record.fields.items()}
        if "AB" in fields:
            fields["AB"] = [" ".join(fields["AB"])]
        yield record.line, fields, record.size
