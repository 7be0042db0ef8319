"""What speaks for and against any two listings of a lake being one paper, whether compared or not."""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from schemas.matching import Contribution
from warehouse.dedupe import modelstore
from warehouse.dedupe.alone import MOST_IN_BLOCK
from warehouse.dedupe.decision import RELATIONS, counted, decide, reasons_of, score
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import COMPARED, pairs_of
from warehouse.dedupe.sifting import Sieve
from warehouse.dedupe.weights import WEIGHTS


@dataclass(frozen=True, slots=True)
class Explained:
    """A pair of listings under the lake's model."""

    relation: str
    """same, version, related, undecided or different."""
    score: float
    evidence: tuple[Contribution, ...]
    """What speaks for and against, the strongest first."""
    model: int
    """Number of the model."""
    n_shared_keys: int
    """Keys that both listings are looked for under."""
    smallest_block: int | None
    """Listings that bear the rarest of these keys; None without any."""
    is_worthwhile: bool
    """Whether a glance at the titles leaves them for comparison; see `warehouse.dedupe.sifting`."""

    @property
    def is_compared(self) -> bool:
        """Whether nights compare the two, and not only meet them."""
        return self.is_met and self.is_worthwhile

    @property
    def is_met(self) -> bool:
        """Whether some key that they share is borne by few enough."""
        return self.smallest_block is not None and self.smallest_block <= MOST_IN_BLOCK


def explain(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> Explained | None:
    """Compare two listings of an open warehouse as a night would.

    Returns:
        None where one of them has no keys, as a listing without a title.
    """
    keys = _keys(connection, left, right)
    if keys is None:
        return None
    model = _model(connection, [str(title) for title in keys.column("title").to_pylist()])
    reasons = reasons_of(pairs_of(keys, np.array([0]), np.array([1])), model)
    relation, _ = decide(reasons)
    reasons = counted(reasons, relation)
    found = [
        Contribution(
            name=name, contribution=round(float(reasons[name][0]) * WEIGHTS[name].weight, 2)
        )
        for name in WEIGHTS
        if reasons[name][0]
    ]
    n_shared, smallest = _shared(connection, left, right)
    return Explained(
        relation=RELATIONS[relation[0]],
        score=round(float(score(reasons)[0]), 3),
        evidence=tuple(sorted(found, key=lambda item: -abs(item.contribution))),
        model=model.number,
        n_shared_keys=n_shared,
        smallest_block=smallest,
        is_worthwhile=bool(Sieve(keys).worthwhile(np.array([0]), np.array([1]))[0]),
    )


def _keys(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> pa.Table | None:
    columns = ", ".join(f'"{name}"' for name in COMPARED)
    table = connection.sql(
        f"select {columns} from lake.match_keys where listing_id in (?, ?) order by listing_id <> ?",
        params=[left, right, left],
    ).to_arrow_table()
    return table if table.num_rows == 2 else None


def _model(connection: duckdb.DuckDBPyConnection, titles: list[str]) -> Model:
    """The lake's model as far as these titles need it: what else it knows is in their keys."""
    words = sorted({word for title in titles for word in title.split()})
    facts = connection.execute(
        f"select {modelstore.FACT} from lake.dedupe_model "
        "where kind in ('records', 'venue_alias', 'softened') "
        "or (kind = 'word' and key in (select unnest(?)))",
        [words],
    ).fetchall()
    return modelstore.of_facts(facts)


def _shared(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> tuple[int, int | None]:
    """How many keys two listings share, and how many listings bear the rarest of these."""
    ((shared,),) = connection.execute(
        "select list_intersect(l.blocks, r.blocks) from lake.match_keys as l, lake.match_keys as r "
        "where l.listing_id = ? and r.listing_id = ?",
        [left, right],
    ).fetchall()
    if not shared:
        return 0, None
    ((smallest,),) = connection.execute(
        "select min(n) from (select count(*) as n from (select unnest(blocks) as block "
        "from lake.match_keys) where block in (select unnest(?)) group by block)",
        [shared],
    ).fetchall()
    return len(shared), smallest
