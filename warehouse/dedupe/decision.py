"""What a pair's reasons come to: a score, and one of five relations."""

import numpy as np
import numpy.typing as npt

from warehouse.dedupe.evidence import EVIDENCE, Reasons, title, venue
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import Flags, Floats, Pairs
from warehouse.dedupe.weights import ACCEPTED, UNDECIDED, WEIGHTS

RELATIONS = ("different", "undecided", "related", "version", "same")
"""From the weakest to the strongest; a relation's code is its place."""
DIFFERENT, UNDECIDED_PAIR, RELATED, VERSION, SAME = range(5)

_OF_FORM = (
    "year_near", "year_apart", "page_differs", "volume_differs", "issue_differs", "place_differs",
    "issue_and_page_differ", "venue_differs", "form_differs",
)  # fmt: skip
"""What two forms of one work may differ in."""
_MAY_BE_VOID = (*_OF_FORM, "title_shared", "title_generic", "numbers_differ", "kind_differs")
"""What does not keep a pair from being a version, related, or taken for one after all."""


def reasons_of(pairs: Pairs, model: Model, *, cutoff: bool = False) -> Reasons:
    """Every reason of every pair, and how strong it is, after what only holds together is settled.

    Args:
        pairs: what is compared.
        model: under which it is.
        cutoff: look no closer at titles of pairs that come to nothing whatever is found there.
    """
    reasons: Reasons = {}
    for evidence in EVIDENCE:
        reasons.update(evidence(pairs, model))
    needed = np.full(len(pairs), -np.inf, np.float32)
    if cutoff:
        needed = UNDECIDED - WEIGHTS["venue_same"].weight - score(reasons, _MAY_BE_VOID)
        # What is related whatever its score is told as a whole.
        tells_apart = (reasons["kind_differs"] > 0) | (reasons["numbers_differ"] >= 0.5)
        needed[tells_apart & _people_agree(reasons)] = -np.inf
    by_several = (reasons["authors_all"] > 0) & (reasons["year_same"] > 0)
    reasons.update(title(pairs, model, needed, by_several & (reasons["title_shared"] == 0)))
    of_titles = score({name: reasons[name] for name in ("title", "title_rare")})
    is_shared = (reasons["doi_same"] > 0) | (reasons["identifier_same"] > 0)
    reasons.update(venue(pairs, model, is_shared | (of_titles >= needed)))
    unequal = np.clip((0.97 - reasons["title"]) / 0.05, 0, 1)
    reasons["title_alone"] = (reasons["authors_missing"] * unequal).astype(np.float32)
    together = reasons["place_and_people"] > 0
    reasons["title_leftover"] = np.where(together, 0, reasons["title_leftover"]).astype(np.float32)
    # At one place, under one identifier, or by the same several people, it is a slip.
    vouched = (reasons["authors_all"] > 0) & (reasons["page_differs"] == 0)
    at_one = is_shared | together | vouched | (reasons["page_same"] > 0)
    reasons["title_exchanged"] = np.where(at_one, 0, reasons["title_exchanged"]).astype(np.float32)
    # What many works are called is still one work where it stands at one place, and likely one where
    # the same several people published it in one year and venue.
    several = by_several & (reasons["venue_same"] > 0)
    unsure = np.where(reasons["place_same"] > 0, 0, np.where(several, 0.5, 1))
    reasons["title_shared"] = (reasons["title_shared"] * unsure).astype(np.float32)
    # A shared DOI is void where neither title nor authors agree: it was assigned to many, or wrongly.
    void = (reasons["title"] < 0.6) & (reasons["authors_some"] > 0.5)
    reasons["identifier_void"] = (void & is_shared).astype(np.float32)
    for name in ("doi_same", "identifier_same"):
        reasons[name] = np.where(void, 0, reasons[name]).astype(np.float32)
    for name, factor in model.softened.items():
        reasons[f"{name}_differs"] = reasons[f"{name}_differs"] * np.float32(factor)
    factor = min(model.softened.get("page", 1.0), model.softened.get("issue", 1.0))
    reasons["issue_and_page_differ"] = reasons["issue_and_page_differ"] * np.float32(factor)
    return reasons


def score(reasons: Reasons, without: tuple[str, ...] = ()) -> Floats:
    """The sum of all contributions, or of all but some."""
    total: Floats = sum(
        (
            values * np.float32(WEIGHTS[name].weight)
            for name, values in reasons.items()
            if name not in without
        ),
        start=np.zeros(1, np.float32),
    )
    return total


def as_version(reasons: Reasons) -> Floats:
    """The score of every pair if they are two forms of one work, whatever these may differ in."""
    return score(reasons, _OF_FORM)


def counted(reasons: Reasons, relation: npt.NDArray[np.int8]) -> Reasons:
    """The reasons that count for what was decided: for a version, not what two forms may differ in.

    Their sum is the score that is told, so that every accepted pair has the accepted sum.
    """
    is_version = relation == VERSION
    return {
        name: np.where(is_version, 0, values).astype(np.float32) if name in _OF_FORM else values
        for name, values in reasons.items()
    }


def decide(reasons: Reasons) -> tuple[npt.NDArray[np.int8], Floats]:
    """The relation (its place in `RELATIONS`) and the score of every pair."""
    scores = score(reasons)
    regardless = as_version(reasons)
    relation = np.full(len(scores), DIFFERENT, np.int8)
    likeness, people = reasons["title"], _people_agree(reasons)
    looks_related = (
        (reasons["kind_differs"] > 0)
        | (reasons["numbers_differ"] >= 0.5)
        | (reasons["title_opposed"] > 0)
    )
    is_form = _is_another_form(reasons)
    relation[scores >= UNDECIDED] = UNDECIDED_PAIR
    relation[scores >= ACCEPTED] = SAME
    alike = (likeness >= 0.95) | ((likeness >= 0.9) & (reasons["form_differs"] > 0))
    agrees = alike & people & (reasons["doi_differs"] == 0) & (reasons["identifier_differs"] == 0)
    relation[is_form & agrees & (regardless >= ACCEPTED + 0.5)] = VERSION
    relation[is_form & (scores >= ACCEPTED)] = VERSION
    relation[(reasons["identifier_void"] > 0) & (relation == DIFFERENT)] = UNDECIDED_PAIR
    related = looks_related & (likeness >= 0.8) & people
    relation[related & (relation < RELATED)] = RELATED
    relation[(reasons["kind_differs"] > 0) & (relation >= VERSION)] = RELATED
    return relation, scores


def _people_agree(reasons: Reasons) -> Flags:
    agree: Flags = (reasons["authors_all"] > 0) | (reasons["authors_only"] >= 0.5)
    return agree


def _is_another_form(reasons: Reasons) -> Flags:
    """Whether a pair, if it is one work, is two forms of it: printed elsewhere, or later."""
    moved = (
        (reasons["page_differs"] > 0.3)
        | (reasons["volume_differs"] > 0.3)
        | (reasons["year_near"] > 0)
        | (reasons["year_apart"] > 0)
        | (reasons["year_far"] > 0)
    )
    elsewhere = (
        (reasons["venue_differs"] > 0)
        & (moved | (reasons["title"] < 0.97))
        & (reasons["place_same"] == 0)
    )
    replaced = (reasons["page_differs"] > 0.3) & (reasons["volume_differs"] > 0.3)
    form: Flags = (reasons["form_differs"] > 0) | elsewhere | replaced
    return form
