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
_SHORTEST_STEM = 4


def is_opposed(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether a word of one title's own is the opposite of one of the other's.

    Args:
        one: the words that only one title has.
        other: the words that only the other has.
    """
    left, right = list(one), list(other)
    there = {_OF_WORD[word] for word in right if word in _OF_WORD}
    here = {_OF_WORD[word] for word in left if word in _OF_WORD}
    if here and there and here.isdisjoint(there):
        groups = {at for at, _ in here}
        if any(at in groups for at, _ in there):
            return True
    return any(_has_other_prefix(word, right) for word in left) or any(
        _has_other_prefix(word, left) for word in right
    )


def _has_other_prefix(word: str, others: list[str]) -> bool:
    """Whether a word begins with a prefix, and one of the others with the opposite one."""
    return any(
        len(word) >= len(one) + _SHORTEST_STEM
        and word.startswith(one)
        and other + word[len(one) :] in others
        for one, other in _PREFIXES
    )
