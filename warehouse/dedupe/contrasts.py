"""Words that name opposites: titles that differ in such words are of two works, however alike.

"... in adults" and "... in children" differ in two words of a dozen, as a paper and its misspelt
listing may. What these words mean cannot be read off their letters or their frequency.
"""

from collections.abc import Iterable

from schemas.normalize.cleaning import word_set

_GROUPS = (
    (
        "adult adults", "child children childhood pediatric paediatric pediatrics paediatrics",
        "adolescent adolescents adolescence", "neonate neonates neonatal newborn newborns",
        "infant infants infancy", "elderly geriatric",
    ),
    ("men male males man", "women female females woman"),
    (
        "mouse mice murine", "rat rats", "dog dogs canine", "cat cats feline", "pig pigs porcine swine",
        "rabbit rabbits", "sheep ovine", "cattle cow cows bovine", "horse horses equine",
        "human humans", "zebrafish", "monkey monkeys macaque macaques",
    ),
    ("left", "right"), ("upper", "lower"), ("acute", "chronic", "subacute"), ("vitro", "vivo"),
    ("positive", "negative"), ("inpatient inpatients", "outpatient outpatients"),
    ("static", "dynamic"), ("increase increased increases increasing", "decrease decreased decreases decreasing"),
    ("oral", "intravenous", "subcutaneous", "intramuscular", "intranasal"), ("winter", "summer", "spring", "autumn"),
    ("northern north", "southern south", "eastern east", "western west"), ("systolic", "diastolic"),
    ("ischemic ischaemic", "hemorrhagic haemorrhagic"), ("benign", "malignant"), ("primary", "secondary"),
    ("linear", "nonlinear"), ("supervised", "unsupervised"), ("maternal", "paternal"), ("rural", "urban"),
    ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
     "november", "december"),
)  # fmt: skip
"""Groups of opposites; each opposite in its spellings."""
_OF_WORD = {
    word: (at, place)
    for at, group in enumerate(_GROUPS)
    for place, words in enumerate(group)
    for word in word_set(words)
}
_PREFIXES = (
    ("hyper", "hypo"), ("intra", "extra"), ("intra", "inter"), ("pre", "post"), ("micro", "macro"),
    ("under", "over"), ("endo", "exo"), ("homo", "hetero"), ("mono", "poly"), ("uni", "bi"),
)  # fmt: skip
_ANY_PREFIX = tuple({prefix for both in _PREFIXES for prefix in both})
_SHORTEST_STEM = 4


def is_opposed(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether a word of one title's own is the opposite of one of the other's.

    Args:
        one: the words that only one title has.
        other: the words that only the other has.
    """
    here, there = _opposites(one), _opposites(other)
    if here and there and here.isdisjoint(there):
        groups = {at for at, _ in here}
        if any(at in groups for at, _ in there):
            return True
    stems = _stems(one)
    return bool(stems) and not stems.isdisjoint(
        (kind, 1 - side, stem) for kind, side, stem in _stems(other)
    )


def has_opposite(word: str) -> bool:
    """Whether a word names one of opposites, or begins as such words do."""
    return word in _OF_WORD or word.startswith(_ANY_PREFIX)


def _opposites(words: Iterable[str]) -> set[tuple[int, int]]:
    return {_OF_WORD[word] for word in words if word in _OF_WORD}


def _stems(words: Iterable[str]) -> set[tuple[int, int, str]]:
    """What follows a prefix that has an opposite: which two, which of the two, and the stem."""
    return {
        (kind, side, word[len(prefix) :])
        for word in words
        if word.startswith(_ANY_PREFIX)
        for kind, both in enumerate(_PREFIXES)
        for side, prefix in enumerate(both)
        if word.startswith(prefix) and len(word) >= len(prefix) + _SHORTEST_STEM
    }
