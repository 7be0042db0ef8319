"""What each piece of evidence adds to a pair's score, in one table.

A title that is equal letter by letter weighs 10, which is the sum at which a pair is taken for one
work; the rest tips the balance. The weights say what is true of papers in general. They are the same
for all data and were not estimated from any.
"""

from typing import NamedTuple


class Weight(NamedTuple):
    """One reason: what it adds at its full strength, and what it says."""

    weight: float
    says: str


ACCEPTED = 10.0
"""From this sum on two records are one work."""
UNDECIDED = 8.8
"""From this sum on a pair is shown to a person."""

WEIGHTS = {
    "title": Weight(10.0, "titles are alike"),
    "title_rare": Weight(1.5, "the title is long and of rare words"),
    "title_alone": Weight(-0.4, "the titles are not equal, and one record names no authors"),
    "title_leftover": Weight(-2.2, "either title has words of its own"),
    "title_exchanged": Weight(-1.4, "one word is another, and no two authors vouch for it"),
    "title_opposed": Weight(-2.7, "the titles name opposites"),
    "title_shared": Weight(-2.2, "many works bear this title"),
    "title_generic": Weight(-3.0, "many works bear this title, and another field differs"),
    "numbers_differ": Weight(-2.7, "numbers in the titles differ"),
    "kind_differs": Weight(-1.0, "one is a notice about a work, or its protocol"),
    "authors_all": Weight(0.8, "all authors are found in the other record"),
    "authors_only": Weight(0.4, "the only author is found in the other record"),
    "authors_some": Weight(-2.4, "authors are not found in the other record"),
    "authors_missing": Weight(-0.3, "one record names no authors"),
    "first_author_same": Weight(0.2, "the first authors are the same"),
    "first_author_differs": Weight(-0.2, "the first authors differ"),
    "author_not_first": Weight(-1.0, "the only author is not the other's first"),
    "authors_rare": Weight(0.4, "a rare surname is shared"),
    "year_same": Weight(0.7, "same year"),
    "year_near": Weight(-0.4, "one year apart"),
    "year_apart": Weight(-1.1, "two or three years apart"),
    "year_far": Weight(-1.8, "more than three years apart"),
    "year_missing": Weight(0.1, "one record tells no year"),
    "page_same": Weight(1.1, "same first page"),
    "page_differs": Weight(-1.5, "first pages differ"),
    "volume_same": Weight(0.3, "same volume"),
    "volume_differs": Weight(-1.1, "volumes differ"),
    "issue_same": Weight(0.2, "same issue"),
    "issue_differs": Weight(-0.3, "issues differ"),
    "place_same": Weight(0.8, "same volume and page"),
    "place_differs": Weight(-1.2, "two of volume, page and year differ"),
    "issue_and_page_differ": Weight(-1.0, "another issue and page of one volume"),
    "place_and_people": Weight(3.5, "same year, volume, page and authors"),
    "venue_same": Weight(0.5, "same venue"),
    "venue_differs": Weight(-0.7, "venues differ"),
    "form_differs": Weight(-0.7, "kinds of publication differ"),
    "doi_same": Weight(4.0, "same DOI"),
    "doi_differs": Weight(-3.0, "DOIs differ"),
    "identifier_void": Weight(
        -0.1, "an identifier is shared, but neither titles nor authors agree"
    ),
    "identifier_differs": Weight(-3.0, "arXiv ids or PMIDs differ"),
    "identifier_same": Weight(6.0, "same identifier of the work"),
}
