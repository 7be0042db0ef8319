"""How a stored column is declared: a permanent id, and whether it counts for the row's hash.

A column is one attribute of a frozen pydantic model::

    title: Annotated[str | None, Column(7)] = None
    \"\"\"Title as readable text: NFC, one line, LaTeX accents resolved, math kept.\"\"\"

The sentence below the attribute is the only description there is: the Parquet metadata, the SQL
comments and DICTIONARY.md are made from it.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Column:
    """A stored column's permanent number, and whether a change of its value is a change of the row.

    Provenance, fetch times and run times are not hashed, so that the same content has the same
    hash in every lake.
    """

    id: int
    hashed: bool = True


class Row(BaseModel):
    """A row of a stored table: immutable, nothing unknown, described by its attribute docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
