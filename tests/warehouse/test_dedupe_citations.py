"""Citations: few works, each printed many times and never twice alike."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pyarrow as pa

from tests.scoring import score
from warehouse.dedupe.alone import RECORDS, deduplicate

# Works of few groups, so that titles and people come close to each other.
WORKS = [
    (["Mara Quell", "Ivo Tarn"], 1994, "Proceedings of the Loom Conference", 80,
     "Incremental weaving of patterns over shared warp threads"),
    (["Mara Quell", "Ivo Tarn", "Odo Vesk"], 1996, "Journal of Looms", 45,
     "Incremental repair of patterns in woven sails"),
    (["Odo Vesk"], 1995, "Proceedings of the Loom Conference", 60,
     "The cost of knots: an empirical study of failing seams"),
    (["Ivo Tarn", "Pia Holm", "Runa Dahl"], 1991, "Acta Textilia", 30,
     "Shuttle scheduling for parallel looms, part I"),
    (["Ivo Tarn", "Pia Holm", "Runa Dahl"], 1991, "Acta Textilia", 25,
     "Shuttle scheduling for parallel looms, part II"),
    (["Pia Holm"], 1989, "Annals of Fibre", 20, "Dyes that last: colour under ultraviolet light"),
    (["Runa Dahl", "Mara Quell"], 1998, "Journal of Looms", 12,
     "Estimating yarn tension from sound recordings"),
    (["Edda Moor", "Pia Holm"], 1997, "Acta Textilia", 6,
     "A survey of felt and its uses in northern harbours"),
]  # fmt: skip
SHORT = {
    "Proceedings of the Loom Conference": ["Proc. Loom Conf.", "In Proceedings of the Loom Conference"],
    "Journal of Looms": ["J. Looms", "Journal of Looms,"],
    "Acta Textilia": ["Acta Text.", "ACTA TEXTILIA"],
    "Annals of Fibre": ["Ann. Fibre", "Annals of Fibre."],
}  # fmt: skip


def _misprinted(text: str, random: Random) -> str:
    at = random.randrange(3, len(text) - 3)
    return random.choice(
        [
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        ]
    )


def _title(title: str, random: Random) -> str:
    slip = random.random()
    if slip < 0.08:
        title = _misprinted(title, random)
    elif slip < 0.12 and "part" not in title:
        title = title[: random.randrange(30, 40)].rsplit(" ", 1)[0] + " ..."
    return (title.upper() if random.random() < 0.05 else title) + random.choice(["", ".", ","])


def _authors(names: list[str], random: Random) -> list[str]:
    said = [f"{first[0]}. {last}" for first, last in map(str.split, names)]
    slip = random.random()
    if slip < 0.1:
        return [said[0], "et al"] if len(said) > 1 else said
    if slip < 0.15 and len(said) > 1:
        return said[1:]
    if slip < 0.2:
        return ["C Science", *said[1:]]
    if slip < 0.25:
        return []
    return [_misprinted(said[0] + "  ", random), *said[1:]] if slip < 0.3 else said


def _citations() -> Iterator[tuple[int, dict[str, Any]]]:
    random = Random(3)
    for work, (names, year, venue, count, title) in enumerate(WORKS):
        for number in range(count):
            told = random.choice([venue, *SHORT[venue]]) if random.random() < 0.8 else None
            when = year + random.choice([-1, 1]) if random.random() < 0.08 else year
            yield (
                work,
                {
                    "record_id": f"{random.randrange(10**6):06}-{work}-{number}",
                    "title": _title(title, random),
                    "authors": _authors(names, random),
                    "year": when if random.random() < 0.85 else None,
                    "venue": told,
                },
            )


def test_a_work_that_is_cited_a_hundred_times_is_found_whole() -> None:
    """What a few of many citations say about their authors and years parts neither papers nor editions."""
    works, rows = zip(*_citations(), strict=True)
    columns = [pa.array([row.get(item.name) for row in rows], item.type) for item in RECORDS]
    clusters = deduplicate(pa.table(columns, schema=RECORDS)).clusters
    for level in ("paper_id", "edition_id"):
        found = score(clusters[level].to_numpy(), works)
        assert found.precision > 0.995, level
        assert found.recall > 0.95, level
