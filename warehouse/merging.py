"""Which of several records of one listing counts, column by column, as SQL.

The newest `source_modified_at` wins, then `fetched_at`, then the order of arrival. A column that a
record's format lacks keeps its value. An older record changes nothing, except that it fills a
listing of which only the deletion was known.

What keys and times decide is decided first, from narrow columns; text is read only for rows that
will be written. Most rows then pass as they were staged (WHOLE). Where the record's format lacks a
few columns, these are fetched from the stored row (PATCHED); the few rows for which all of it must
be known are merged in the same way, from all its columns (WOVEN).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from schemas.arrow import hashed_columns, schema_of
from schemas.paper import Listing
from warehouse.hashing import row_hash_sql
from warehouse.manifest import quoted, sql_type

Lacks = Mapping[str, frozenset[str]]
"""Format -> columns of Listing it cannot carry."""

WHOLE, PATCHED, WOVEN = "whole", "patched", "woven"

_COLUMNS = tuple(schema_of(Listing).names)
# DuckDB 1.5 takes an untyped null for an integer.
_TYPES = {field.name: sql_type(field.type) for field in schema_of(Listing)}
_KEYS = ("listing_id", "source", "source_id")
# Columns that a format may lack: what describes the work, and no provenance.
_CARRIED = frozenset(hashed_columns(Listing)) - set(_KEYS)
# A format that lacks this one knows nothing of the work but its key.
_RECORD_ITSELF = "raw_title"

KNOWN_SQL = """
    select
        k.listing_id,
        k.row_hash as old_hash,
        k.changed_in_snapshot as old_snapshot,
        k.record_format as old_format,
        k.source_modified_at as old_modified_at,
        k.fetched_at as old_fetched_at,
        k.is_withdrawn as was_withdrawn,
        k.last_changed_at as old_changed_at,
        k.first_seen_at,
        k.first_seen_date,
        k.first_seen_kind,
    from ({living}) as k
    semi join newest_records as n on k.listing_id = n.listing_id
    """
"""What must be known of the stored listings to decide about records, and nothing more."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The run on whose behalf rows are written."""

    kind: str
    night_date: date
    now: datetime


SINGLE_SQL = """
    select
        r.listing_id,
        r.source,
        r.staged_list,
        1 as n_formats,
        r.staged_order as newest,
        r.record_format,
        r.source_modified_at,
        r.fetched_at,
        r.is_withdrawn,
    from staged as r
    """
"""What `newest_sql` yields where no listing was staged twice, without collecting anything."""


def newest_sql() -> str:
    """SQL for the newest record of each listing in the view `staged`, narrow."""
    newest = "(r.source_modified_at, r.fetched_at, r.staged_order)"
    return f"""
        select
            r.listing_id,
            any_value(r.source) as source,
            arg_min(r.staged_list, r.staged_order) as staged_list,
            count(distinct r.record_format) as n_formats,
            arg_max(r.staged_order, {newest}) as newest,
            arg_max(r.record_format, {newest}) as record_format,
            arg_max(r.source_modified_at, {newest}) as source_modified_at,
            arg_max(r.fetched_at, {newest}) as fetched_at,
            arg_max(r.is_withdrawn, {newest}) as is_withdrawn,
        from staged as r
        group by r.listing_id
        """


def decided_sql(lacks: Lacks, living_metrics: str, earliest: datetime) -> str:
    """SQL for what becomes of each row of `newest_records`, given `known_listings`.

    Args:
        lacks: what each format cannot carry.
        living_metrics: select of the living rows of metrics.
        earliest: when the first of the records was fetched (UTC).

    Returns:
        A select of both tables' columns with is_new, is_newer and `verdict`: WHOLE, PATCHED, WOVEN,
        or null for what changes nothing.
    """
    bare = _varchars(name for name, columns in lacks.items() if _RECORD_ITSELF in columns)
    partial = _varchars(name for name, columns in lacks.items() if columns)
    return f"""
        with sightings as (
            -- Of a source without modification times a listing that is seen again as it was is
            -- not written; that it was seen is known from what its lists said, and matters only
            -- where that was after a record was fetched: an older file that is imported.
            select m.listing_id, max(m.captured_at) as seen_at,
            from (
                select * from ({living_metrics})
                where captured_at > timestamptz {quoted(earliest.isoformat())}
            ) as m
            semi join (
                select n.listing_id
                from newest_records as n
                join known_listings as k on n.listing_id = k.listing_id
                where n.source_modified_at = n.fetched_at
            ) as again on m.listing_id = again.listing_id
            group by m.listing_id
        ),
        compared as (
            select
                n.*,
                k.* exclude (listing_id),
                n.n_formats > 1 and list_contains({partial}, n.record_format) as is_mixed,
                k.listing_id is null as is_new,
                k.listing_id is null
                    or (
                        (n.source_modified_at, n.fetched_at)
                            >= (k.old_modified_at, k.old_fetched_at)
                        and (
                            n.source_modified_at <> n.fetched_at
                            or n.fetched_at >= coalesce(s.seen_at, n.fetched_at)
                        )
                    ) as is_newer,
            from newest_records as n
            left join known_listings as k on n.listing_id = k.listing_id
            left join sightings as s on n.listing_id = s.listing_id
        )
        select
            *,
            case
                when is_mixed then {quoted(WOVEN)}
                when is_new then {quoted(WHOLE)}
                -- Perhaps only the deletion is known, which an older record fills.
                when not is_newer and list_contains({bare}, old_format) then {quoted(WOVEN)}
                when not is_newer then null
                when list_contains({bare}, record_format) then {quoted(WOVEN)}
                when list_contains({partial}, record_format) then {quoted(PATCHED)}
                else {quoted(WHOLE)}
            end as verdict,
        from compared
        """


def hashed_sql() -> str:
    """SQL for the hashes of WHOLE rows; a new one needs none to be seen as new."""
    return f"""
        select d.newest, d.is_withdrawn, null::varchar as row_hash
        from decided as d
        where d.verdict = {quoted(WHOLE)} and d.is_new
        union all
        select d.newest, d.is_withdrawn, {row_hash_sql(Listing, "r")} as row_hash
        from staged as r
        join decided as d on r.staged_order = d.newest
        where d.verdict = {quoted(WHOLE)} and not d.is_new
        """


COMPARED_SQL = """
    select
        d.* exclude (is_withdrawn),
        h.is_withdrawn,
        h.row_hash,
        -- A new time stamp of the source's own is remembered even where the content is the same,
        -- else a record between the two stamps could pass for newer.
        d.is_new
            or h.row_hash <> d.old_hash
            or (
                d.is_newer
                and d.source_modified_at > d.old_modified_at
                and d.source_modified_at <> d.fetched_at
            ) as is_written,
    from decided as d
    join hashed as h on d.newest = h.newest
    """
"""What becomes of each record that counts, narrow; `hashed` has the hashes of all verdicts."""


def whole_sql(moment: Moment) -> str:
    """SQL for the written rows of `staged` that pass as they are, given `compared_listings`.

    They are hashed here, once, unless their hash had to be known to see whether they changed.
    """
    first = _first_seen(moment)
    columns = []
    for name in _COLUMNS:
        if name in first:
            columns.append(f'case when d.is_new then {first[name]} else d."{name}" end as "{name}"')
        elif name == "last_changed_at":
            columns.append(f"{changed_at_sql('d', moment)} as last_changed_at")
        else:
            columns.append(f'r."{name}"')
    return f"""
        select {", ".join(columns)}, coalesce(d.row_hash, {row_hash_sql(Listing, "r")}) as row_hash,
        from staged as r
        join compared_listings as d on r.staged_order = d.newest
        where d.verdict = {quoted(WHOLE)} and d.is_written
        """


def new_sql(moment: Moment) -> str:
    """SQL for all rows of `staged`, each a listing that is new."""
    fixed = {**_first_seen(moment), "last_changed_at": _now(moment)}
    columns = ", ".join(f'{fixed.get(name, f"r.{name}")} as "{name}"' for name in _COLUMNS)
    return f"select {columns}, {row_hash_sql(Listing, 'r')} as row_hash from staged as r"


def changed_at_sql(alias: str, moment: Moment) -> str:
    """SQL for when a listing's content last changed; a new time stamp alone is no change."""
    return (
        f"case when {alias}.row_hash is not distinct from {alias}.old_hash "
        f"and not {alias}.is_new then {alias}.old_changed_at else {_now(moment)} end"
    )


def patch_columns(lacks: Lacks) -> frozenset[str]:
    """Columns that PATCHED rows take over from the stored row."""
    light = (columns for columns in lacks.values() if _RECORD_ITSELF not in columns)
    return frozenset(column for columns in light for column in columns)


def current_sql(columns: Iterable[str] | None, living: str) -> str:
    """SQL for the stored rows of the listings in `resting`, with null in all other columns."""
    wanted = frozenset(_COLUMNS if columns is None else columns)
    chosen = ", ".join(
        f'k."{name}"' if name in wanted else f'null::{_TYPES[name]} as "{name}"'
        for name in _COLUMNS
        if name != "listing_id"
    )
    return f"""
        select k.listing_id, {chosen}
        from ({living}) as k
        semi join resting as t on k.listing_id = t.listing_id
        """


def incoming_sql(lacks: Lacks) -> str:
    """SQL for one row a listing of `resting`, the newest that was staged.

    Where the newest record's format lacks columns that another staged record of the listing has,
    newer than the stored row, they come from that one: a struct `v` in `own_<column>`.
    """
    newest = "(r.source_modified_at, r.fetched_at, r.staged_order)"
    is_later = "(t.is_new or (r.source_modified_at, r.fetched_at) >= (t.old_modified_at, t.old_fetched_at))"
    filled, plain = [], [f'r."{name}"' for name in _COLUMNS]
    for name in _COLUMNS:
        lacking = _lacking(name, "r.record_format", lacks)
        value = f'arg_max({{v: r."{name}"}}, {newest})'
        filled.append(f'{value}.v as "{name}"')
        if lacking is not None:
            own = f"{value} filter (not ({lacking}) and {is_later})"
            filled.append(f'{own} as "own_{name}"')
            plain.append(f'null::struct(v {_TYPES[name]}) as "own_{name}"')
    return f"""
        select {", ".join(plain)}
        from staged as r
        join resting as t on r.staged_order = t.newest and not t.is_mixed
        union all by name
        select {", ".join(filled)}
        from staged as r
        join resting as t on r.listing_id = t.listing_id and t.is_mixed
        group by r.listing_id
        """


def merged_sql(lacks: Lacks, moment: Moment) -> str:
    """SQL for the rows of `resting` that count: `incoming_listings` upon `current_listings`."""
    columns = ", ".join(_merged_column(name, lacks, moment) for name in _COLUMNS)
    return f"""
        with chosen as (
            select {columns}
            from incoming_listings as i
            join resting as t on i.listing_id = t.listing_id
            left join current_listings as c on i.listing_id = c.listing_id
            where t.is_newer or c.raw_title is null
        )
        select *, {row_hash_sql(Listing, "chosen")} as row_hash
        from chosen
        """


def _first_seen(moment: Moment) -> dict[str, str]:
    """SQL for the columns that are set when a listing is seen for the first time."""
    return {
        "first_seen_at": _now(moment),
        "first_seen_date": f"date {quoted(moment.night_date.isoformat())}",
        "first_seen_kind": quoted(moment.kind),
    }


def _now(moment: Moment) -> str:
    return f"timestamptz {quoted(moment.now.isoformat())}"


def _varchars(names: Iterable[str]) -> str:
    return f"[{', '.join(quoted(name) for name in sorted(names))}]::varchar[]"


def _lacking(name: str, format_column: str, lacks: Lacks) -> str | None:
    """SQL that says whether a row's format cannot carry a column; None where every format can."""
    formats = sorted(format_name for format_name, columns in lacks.items() if name in columns)
    if not formats or name not in _CARRIED:
        return None
    return f"{format_column} in ({', '.join(quoted(item) for item in formats)})"


def _merged_column(name: str, lacks: Lacks, moment: Moment) -> str:
    """SQL for one column of a listing that meets its stored form."""
    first = _first_seen(moment)
    if name == "last_changed_at":
        return f'{_now(moment)} as "{name}"'
    if name in first:
        return f'case when t.is_new then {first[name]} else t."{name}" end as "{name}"'
    if name in _KEYS:
        return f'i."{name}"'
    new_lacks = _lacking(name, "i.record_format", lacks)
    if new_lacks is None:
        return f'case when t.is_newer then i."{name}" else c."{name}" end as "{name}"'
    old_lacks = _lacking(name, "t.old_format", lacks)
    return (
        f'case when t.is_newer and {new_lacks} and i."own_{name}" is not null '
        f'then i."own_{name}".v '
        f'when t.is_new then i."{name}" '
        f'when t.is_newer and {new_lacks} then c."{name}" '
        f'when t.is_newer then i."{name}" '
        f'when {old_lacks} then i."{name}" else c."{name}" end as "{name}"'
    )
