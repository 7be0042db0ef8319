"""How a stored column is declared: a permanent id, and whether it counts for the row's hash.

A column is one attribute of a frozen pydantic model::

    title: Annotated[str | None, Column(7)] = None
    \"\"\"Title as readable text: NFC, one line, LaTeX accents resolved, math kept.\"\"\"

The sentence below the attribute is the only description there is: the Parquet metadata, the SQL
comments and DICTIONARY.md are made from it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Self

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

    @classmethod
    def made(cls, **values: Any) -> Self:
        """A row of values that functions of ours made: the defaults filled in, nothing checked again.

        A tenth of the time that validation takes, which for a listing is a fifth of its making. A
        misspelt name raises AttributeError; a wrong type is refused where rows become columns.
        """
        row = cls.__new__(cls)
        filled = _defaults(cls) | values
        if len(filled) != len(cls.model_fields):
            odd = sorted(filled.keys() ^ cls.model_fields.keys())
            raise AttributeError(f"{cls.__name__} is not made of {', '.join(odd)}")
        object.__setattr__(row, "__dict__", filled)
        object.__setattr__(row, "__pydantic_fields_set__", set(values))
        object.__setattr__(row, "__pydantic_extra__", None)
        object.__setattr__(row, "__pydantic_private__", None)
        return row


@cache
def _defaults(model: type[Row]) -> dict[str, Any]:
    """The values of the columns that need not be given."""
    return {
        name: field.default for name, field in model.model_fields.items() if not field.is_required()
    }
