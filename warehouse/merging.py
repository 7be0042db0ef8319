"""Which of several records of one listing counts, column by column, as SQL.

The newest `source_modified_at` wins, then `fetched_at`, then the order of arrival. A column that a
record's format lacks keeps its value. An older record changes nothing, except that it fills a
listing of which only the deletion was known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from schemas.arrow import hashed_columns, schema_of
from schemas.paper import Listing
from warehouse.hashing import row_hash_sql
from warehouse.manifest import quoted

Lacks = Mapping[str, frozenset[str]]
"""Format -> columns of Listing it cannot carry."""

_COLUMNS = tuple(schema_of(Listing).names)
_KEYS = ("listing_id", "source", "source_id")
# Columns that a format may lack: what describes the work, and no provenance.
_CARRIED = frozenset(hashed_columns(Listing)) - set(_KEYS)


@dataclass(frozen=True, slots=True)
class Moment:
    """The run on whose behalf rows are written."""

    kind: str
    night_date: date
    now: datetime


def incoming_sql(lacks: Lacks) -> str:
    """SQL for one row a listing, the newest of the table `staged`.

    Three cases, so that the common ones stay cheap: staged once; staged more than once, the newest
    being complete; staged in several formats, the newest of which lacks columns that an older one has.
    """
    newest = "(r.source_modified_at, r.fetched_at, r.staged_order)"
    partial = ", ".join(quoted(name) for name, columns in sorted(lacks.items()) if columns)
    filled = []
    for name in _COLUMNS:
        lacking = _lacking(name, "r", lacks)
        value = f'arg_max({{v: r."{name}"}}, {newest})'
        if lacking is not None:
            value = f"coalesce({value} filter (not ({lacking})), {value})"
        filled.append(f'{value}.v as "{name}"')
    return f"""
        with keys as (
            select
                r.listing_id,
                count(distinct r.record_format) as n_formats,
                arg_max(r.staged_order, {newest}) as newest,
                arg_max(r.record_format, {newest}) as newest_format,
                arg_min(r.staged_list, r.staged_order) as staged_list,
            from staged as r
            group by r.listing_id
        ),
        mixed as (
            select k.listing_id, k.staged_list
            from keys as k
            where k.n_formats > 1 and list_contains([{partial}]::varchar[], k.newest_format)
        )
        select {", ".join(f'r."{name}"' for name in _COLUMNS)}, k.staged_list
        from staged as r
        join keys as k on r.staged_order = k.newest
        anti join mixed as m on r.listing_id = m.listing_id
        union all by name
        select {", ".join(filled)}, any_value(m.staged_list) as staged_list
        from staged as r
        join mixed as m on r.listing_id = m.listing_id
        group by r.listing_id
        """


def merged_sql(lacks: Lacks, moment: Moment, living_metrics: str) -> str:
    """SQL for the rows of `incoming` that meet `current_listings` and count, with what they were.

    Args:
        lacks: what each format cannot carry.
        moment: the run, for what is seen for the first time.
        living_metrics: select of the living rows of metrics.
    """
    columns = ", ".join(_merged_column(name, lacks, moment) for name in _COLUMNS)
    return f"""
        with sightings as (
            -- Of a source without modification times a listing that is seen again as it was is
            -- not written; that it was seen is known from what its lists said.
            select m.listing_id, max(m.captured_at) as seen_at,
            from ({living_metrics}) as m
            semi join incoming as i on m.listing_id = i.listing_id
            group by m.listing_id
        ),
        paired as (
            select
                i as i,
                c as c,
                c.listing_id is null as is_new,
                c.listing_id is null
                    or (
                        (i.source_modified_at, i.fetched_at)
                            >= (c.source_modified_at, c.fetched_at)
                        and (
                            i.source_modified_at <> i.fetched_at
                            or i.fetched_at >= coalesce(s.seen_at, i.fetched_at)
                        )
                    ) as is_newer,
            from incoming as i
            left join current_listings as c on i.listing_id = c.listing_id
            left join sightings as s on i.listing_id = s.listing_id
        ),
        chosen as (
            select {columns}, is_new, c.row_hash as old_hash,
                c.changed_in_snapshot as old_snapshot, c.is_withdrawn as was_withdrawn,
                c.source_modified_at as old_modified_at, c.last_changed_at as old_changed_at,
            from paired
            where is_newer or c.raw_title is null
        )
        select *, {row_hash_sql(Listing, "chosen")} as row_hash
        from chosen
        """


def _lacking(name: str, alias: str, lacks: Lacks) -> str | None:
    """SQL that says whether a row's format cannot carry a column; None where every format can."""
    formats = sorted(format_name for format_name, columns in lacks.items() if name in columns)
    if not formats or name not in _CARRIED:
        return None
    return f"{alias}.record_format in ({', '.join(quoted(item) for item in formats)})"


def _merged_column(name: str, lacks: Lacks, moment: Moment) -> str:
    """SQL for one column of a listing that meets its stored form."""
    now = f"timestamptz {quoted(moment.now.isoformat())}"
    first = {
        "first_seen_at": now,
        "first_seen_date": f"date {quoted(moment.night_date.isoformat())}",
        "first_seen_kind": quoted(moment.kind),
    }
    if name == "last_changed_at":
        return f'{now} as "{name}"'
    if name in first:
        return f'case when is_new then {first[name]} else c."{name}" end as "{name}"'
    new_lacks, old_lacks = _lacking(name, "i", lacks), _lacking(name, "c", lacks)
    if new_lacks is None:
        return f'case when is_newer then i."{name}" else c."{name}" end as "{name}"'
    return (
        f'case when is_new then i."{name}" '
        f'when is_newer and {new_lacks} then c."{name}" '
        f'when is_newer then i."{name}" '
        f'when {old_lacks} then i."{name}" else c."{name}" end as "{name}"'
    )
