"""Splink's own way: comparisons from its library, its weights estimated by EM, no labels.

Settings follow its examples for data of this kind: one set for all data, nothing tuned to a set.
"""

import time

import duckdb
import splink
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

_THRESHOLD = 0.9

# Splink compares columns as they are; cleaning them is left to its users and done here as its
# documentation advises: lower case, no punctuation, authors as one text and as surnames.
_CLEAN = """
create table cleaned as
with named as (
    select
        record_id,
        source,
        year,
        trim(regexp_replace(lower(strip_accents(title)), '[^a-z0-9]+', ' ', 'g')) as title,
        list_transform(authors, lambda name: lower(strip_accents(name))) as names,
    from read_parquet($records)
),
listed as (
    select
        * exclude (names),
        -- "Last, First" or "First Last".
        list_transform(names, lambda name: regexp_replace(
            case when contains(name, ',') then split_part(name, ',', 1) else split_part(name, ' ', -1)
            end, '[^a-z]+', '', 'g'
        )) as surnames,
    from named
)
select
    record_id as unique_id,
    source,
    nullif(title, '') as title,
    left(title, 12) as title_start,
    right(title, 12) as title_end,
    nullif(array_to_string(list_sort(surnames), ' '), '') as authors,
    list_sort(surnames)[1] as any_author,
    cast(year as varchar) as year,
from listed
"""


def group(records: str, to: str, is_two_tables: bool, one_per_source: bool) -> dict[str, object]:
    """Write the label that Splink gives each record; returns its version and its seconds.

    With two tables it links them and looks for no duplicates inside one; with `one_per_source` it
    keeps the single best link of each record.
    """
    started = time.perf_counter()
    db = duckdb.connect()
    db.execute(_CLEAN, {"records": records})
    api = DuckDBAPI(db)
    tables = ["cleaned"]
    if is_two_tables:
        sources = db.execute("select distinct source from cleaned order by all").fetchall()
        tables = [f"cleaned_{source}" for (source,) in sources]
        for name, (source,) in zip(tables, sources, strict=True):
            db.execute(f"create table {name} as from cleaned where source = '{source}'")
    settings = SettingsCreator(
        link_type="link_only" if is_two_tables else "dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("title", [0.98, 0.92, 0.8]),
            cl.JaroWinklerAtThresholds("authors", [0.95, 0.8]),
            cl.ExactMatch("year"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("title_start"),
            block_on("title_end"),
            block_on("any_author", "year"),
        ],
    )
    linker = Linker([api.register(name, dataset_display_name=name) for name in tables], settings)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on("title", "year")], recall=0.7)
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    training.estimate_parameters_using_expectation_maximisation(block_on("title"))
    training.estimate_parameters_using_expectation_maximisation(block_on("any_author", "year"))
    pairs = linker.inference.predict(threshold_match_probability=_THRESHOLD)
    clustering = linker.clustering
    found = (
        clustering.cluster_using_single_best_links(pairs, tables, _THRESHOLD)
        if one_per_source
        else clustering.cluster_pairwise_predictions_at_threshold(pairs, _THRESHOLD)
    )
    labelled = found.as_duckdbpyrelation().select("unique_id as record_id, cluster_id as label")
    labelled.write_parquet(to)
    return {"version": f"Splink {splink.__version__}", "seconds": time.perf_counter() - started}
