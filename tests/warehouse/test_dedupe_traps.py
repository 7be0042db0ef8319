"""What real lists of records have been seen to trip over, each a pair of records or a few."""

from typing import Any

import pyarrow as pa
import pytest

from warehouse.dedupe.alone import RECORDS, deduplicate


def _groups(column: str, records: tuple[dict[str, Any], ...]) -> list[int]:
    """For each record the place of the first one that is grouped with it."""
    rows = [{"record_id": f"r{place:03}", **record} for place, record in enumerate(records)]
    columns = [pa.array([row.get(item.name) for row in rows], item.type) for item in RECORDS]
    groups = deduplicate(pa.table(columns, schema=RECORDS)).clusters[column].to_pylist()
    return [groups.index(group) for group in groups]


def papers(*records: dict[str, Any]) -> list[int]:
    """The paper of each record: the place of its first listing."""
    return _groups("paper_id", records)


def editions(*records: dict[str, Any]) -> list[int]:
    """The edition of each record: the place of its first listing."""
    return _groups("edition_id", records)


SMEARS: dict[str, Any] = {
    "title": "Human papillomavirus testing of liquid-based cervical smears in primary screening",
    "authors": ["Zuna, R. E.", "Wang, S. S.", "Rosenthal, D. L."],
    "year": 2005,
    "venue": "Cancer Cytopathology",
    "volume": "105",
    "issue": "5",
    "pages": "288-297",
    "type": "article",
}
JOINS: dict[str, Any] = {
    "title": "Adaptive hash joins over skewed streams",
    "authors": ["Goetz Graefe", "Hongjun Lu", "Patrick O'Neil"],
    "year": 1999,
    "venue": "VLDB",
}


def test_a_record_is_found_again() -> None:
    """Two databases' listings of one paper are one edition."""
    assert editions(SMEARS, SMEARS | {"authors": ["R E Zuna", "S S Wang", "D L Rosenthal"]}) == [
        0,
        0,
    ]


# ---------------------------------------------------------- papers that look like each other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Part I: theory", "Part II: theory"),
        ("Part 1", "Part 2"),
        ("I. Methods", "II. Methods"),
        ("first report", "second report"),
    ],
)
def test_parts_are_papers_of_their_own(one: str, other: str) -> None:
    """Parts I and II by the same authors in one year are two papers."""
    title = "Turbulent mixing in stratified estuarine flows"
    base = {"authors": ["Maria Okafor", "Lars Nyström"], "year": 2011, "venue": "Ocean Modelling"}
    assert papers(base | {"title": f"{title}. {one}"}, base | {"title": f"{title}. {other}"}) == [
        0,
        1,
    ]


@pytest.mark.parametrize("notice", ["[Erratum]", "(Corrigendum)", "[Retraction]."])
def test_a_bare_notice_at_the_end_is_a_notice(notice: str) -> None:
    """A title that ends in nothing but the name of a notice is that notice, not the article."""
    later = SMEARS | {"title": f"{SMEARS['title']} {notice}", "year": 2006, "pages": "12"}
    assert papers(SMEARS, later, later) == [0, 1, 1]
    # That one appeared elsewhere says nothing against the article.
    noted = SMEARS | {"title": f"{SMEARS['title']} [Erratum appears in Cancer 2006;7:12]"}
    assert papers(SMEARS, noted) == [0, 0]


def test_another_word_by_one_author_is_another_paper() -> None:
    """A single author who writes of basalt and of cobalt in one year and venue writes two papers."""
    base = {"authors": ["Maria Okafor"], "year": 2011, "venue": "Annals of Weathering"}
    titles = [f"Chemical weathering and erosion of {rock} in cold deserts" for rock in ROCKS]
    assert papers(*(base | {"title": title} for title in titles)) == [0, 1]
    # Two authors who write on other pages do not vouch for them either; at one place it is a slip.
    several = base | {"authors": ["Maria Okafor", "Lars Nystr\u00f6m"], "volume": "44"}
    assert papers(
        *(
            several | {"title": title, "pages": pages}
            for title, pages in zip(titles, ("55-60", "61-66"), strict=True)
        )
    ) == [0, 1]
    assert papers(
        *(
            base | {"title": title, "authors": ["Maria Okafor", "Lars Nyström"], "pages": "31-45"}
            for title in titles
        )
    ) == [0, 0]


ROCKS = ("basalt", "cobalt")


def test_trials_with_numbers_are_papers_of_their_own() -> None:
    """FOCUS 1 and FOCUS 2, trials of one drug by one group in one year, are two papers."""
    title = (
        "FOCUS {}: a randomized, double-blinded, multicentre, Phase III trial of the efficacy and safety "
        "of ceftaroline fosamil versus ceftriaxone in community-acquired pneumonia"
    )
    base = {"year": 2011, "venue": "Journal of Antimicrobial Chemotherapy", "volume": "66"}
    assert papers(
        base
        | {
            "title": title.format(1),
            "authors": ["File, T. M.", "Low, D. E.", "Eckburg, P. B."],
            "pages": "iii19-iii32",
        },
        base
        | {
            "title": title.format(2),
            "authors": ["Low, D. E.", "File, T. M.", "Eckburg, P. B."],
            "pages": "iii33-iii44",
        },
    ) == [0, 1]


def test_two_drugs_on_consecutive_pages_are_two_papers() -> None:
    """Titles that differ in a drug's code only, on consecutive pages, are two papers."""
    base = {
        "authors": ["Hirata, K.", "Sato, M."],
        "year": 1996,
        "venue": "Chemotherapy",
        "volume": "44",
    }
    assert papers(
        base
        | {
            "title": "Pharmacokinetics and safety of TRK-100 in healthy volunteers",
            "pages": "101-108",
        },
        base
        | {
            "title": "Pharmacokinetics and safety of TRK-530 in healthy volunteers",
            "pages": "109-117",
        },
    ) == [0, 1]


def test_follow_ups_after_different_times_are_two_papers() -> None:
    """The five-year and the six-year follow-up of a trial are two papers."""
    base = {"authors": ["Lindqvist, P.", "Aro, T."], "venue": "Stroke"}
    assert papers(
        base
        | {"title": "Six-year follow-up of early supported discharge after stroke", "year": 2004},
        base
        | {"title": "Five-year follow-up of early supported discharge after stroke", "year": 2003},
    ) == [0, 1]


def test_arms_of_one_trial_are_two_papers() -> None:
    """The adult and the pediatric arm of one trial are two papers."""
    title = (
        "Safety and immunogenicity of a quadrivalent influenza vaccine in {}: a randomized trial"
    )
    base = {
        "authors": ["Mbeki, A.", "Torres, J.", "Wu, H."],
        "year": 2014,
        "venue": "Vaccine",
        "volume": "32",
    }
    assert papers(
        base | {"title": title.format("adults"), "pages": "10-18"},
        base | {"title": title.format("children"), "pages": "19-27"},
    ) == [0, 1]


def test_columns_of_two_issues_are_two_papers() -> None:
    """Editor's Comments of two issues, by the same editor, are two papers."""
    base = {
        "title": "Editor's Comments",
        "authors": ["Straub, Detmar"],
        "venue": "MIS Quarterly",
        "volume": "33",
        "year": 2009,
    }
    assert papers(
        base | {"issue": "1", "pages": "iii-x"}, base | {"issue": "2", "pages": "v-ix"}
    ) == [0, 1]


def test_columns_without_issues_are_two_papers() -> None:
    """A column of two years by the same editor is two papers, also without volume and page."""
    base = {"title": "Editor's Notes", "authors": ["Ling Liu"], "venue": "SIGMOD Record"}
    assert papers(base | {"year": 1999}, base | {"year": 2001}) == [0, 1]


def test_reviews_of_a_series_are_papers_of_their_own() -> None:
    """Reviews of a series that share title and editor but not issue and page are many papers."""
    base = {"title": "Reminiscences on influential papers", "venue": "SIGMOD Record"}
    assert papers(
        base
        | {
            "authors": ["Snodgrass, R. T.", "Abiteboul, S."],
            "year": 1999,
            "volume": "28",
            "issue": "1",
            "pages": "110",
        },
        base
        | {
            "authors": ["Snodgrass, R. T.", "Bernstein, P."],
            "year": 1999,
            "volume": "28",
            "issue": "3",
            "pages": "83",
        },
        base
        | {
            "authors": ["Snodgrass, R. T.", "Ioannidis, Y."],
            "year": 2000,
            "volume": "29",
            "issue": "2",
            "pages": "47",
        },
    ) == [0, 1, 2]


def test_abstracts_under_one_doi_are_papers_of_their_own() -> None:
    """Abstracts of a congress that all bear their supplement's DOI are many papers."""
    titles = [
        "Outcome of thrombolysis in very old patients",
        "Dysphagia screening by nurses",
        "Depression among carers of survivors",
        "Robot-assisted gait training at home",
    ]
    names = ["Berg", "Costa", "Dumas", "Evans"]
    base = {
        "doi": "10.1111/j.1747-4949.2010.00485.x",
        "year": 2010,
        "venue": "International Journal of Stroke",
        "volume": "5",
    }
    assert papers(
        *(
            base | {"title": title, "authors": [f"{name}, A."]}
            for title, name in zip(titles, names, strict=True)
        )
    ) == [0, 1, 2, 3]


def test_two_abstracts_under_one_doi_are_two_papers() -> None:
    """A shared DOI counts for nothing where titles and authors both disagree."""
    base = {"doi": "10.1111/j.1747-4949.2010.00485.x", "year": 2010}
    assert papers(
        base | {"title": "Outcome of thrombolysis in very old patients", "authors": ["Berg, A."]},
        base | {"title": "Dysphagia screening by nurses on admission", "authors": ["Costa, B."]},
    ) == [0, 1]


def test_an_erratum_is_not_the_paper() -> None:
    """A correction of a paper, in whatever words, is another record's paper."""
    assert papers(
        SMEARS,
        SMEARS | {"title": f"Erratum: {SMEARS['title']}", "pages": "401", "issue": "6"},
        SMEARS
        | {"title": f"{SMEARS['title']} (vol 105, pg 288, 2005)", "pages": "402", "issue": "6"},
    )[0:2] == [0, 1]


def test_equal_generic_titles_without_authors_are_two_papers() -> None:
    """Equal generic titles without authors on either side tell nothing."""
    assert papers(
        {"title": "Introduction", "year": 2001, "venue": "Data Engineering Bulletin"},
        {"title": "Introduction", "year": 2004, "venue": "Information Systems"},
        {"title": "Editorial"},
        {"title": "Editorial"},
    ) == [0, 1, 2, 3]


def test_titles_of_one_word_need_more_than_themselves() -> None:
    """A title of one word by other authors is another paper; by the same ones at the same place it is one."""
    stroke = {
        "title": "Stroke",
        "authors": ["Warlow, C.", "Sudlow, C."],
        "year": 2003,
        "venue": "Lancet",
        "volume": "362",
        "pages": "1211-1224",
    }
    assert papers(
        stroke,
        {
            "title": "Stroke",
            "authors": ["Marsh, J. D.", "Keyrouz, S."],
            "year": 2010,
            "venue": "J Am Coll Cardiol",
        },
    ) == [0, 1]
    assert papers(stroke, stroke | {"authors": ["Charles Warlow", "Cathie Sudlow"]}) == [0, 0]


def test_papers_of_one_group_are_not_one() -> None:
    """Papers of one group with half of their titles in common are two papers."""
    base = {
        "authors": ["Rao, P.", "Kim, S.", "Haas, L."],
        "year": 2016,
        "venue": "SIGMOD Conference",
    }
    assert papers(
        base | {"title": "Efficient similarity search over encrypted medical images"},
        base | {"title": "Efficient similarity search over uncertain trajectory streams"},
    ) == [0, 1]


# ------------------------------------------------------------------- one work in two forms


def test_a_workshop_paper_and_its_journal_version_are_two_editions() -> None:
    """A paper in proceedings and later in a journal is one paper in two editions."""
    base = {
        "title": "Declustering of key-based partitioned signature files",
        "authors": ["Paolo Ciaccia", "Paolo Tiberio", "Pavel Zezula"],
    }
    records = (
        base
        | {
            "year": 1994,
            "venue": "Workshop on Advances in Databases",
            "pages": "12-21",
            "type": "inproceedings",
        },
        base
        | {
            "year": 1996,
            "venue": "ACM Transactions on Database Systems",
            "volume": "21",
            "pages": "295-338",
            "type": "article",
        },
    )
    assert papers(*records) == [0, 0]
    assert editions(*records) == [0, 1]


def test_a_preprint_and_its_paper_are_two_editions() -> None:
    """A preprint and the paper it became are one paper in two editions, whatever their DOIs."""
    base = {
        "title": "Scaling laws of sparse mixtures for speech recognition",
        "authors": ["Ana Ruiz", "Tomás Novak"],
    }
    records = (
        base
        | {"year": 2020, "venue": "arXiv", "doi": "10.48550/arxiv.2005.01234", "type": "preprint"},
        base
        | {
            "year": 2021,
            "venue": "Speech Communication",
            "volume": "130",
            "pages": "1-14",
            "doi": "10.1016/j.specom.2021.01.001",
            "type": "article",
        },
    )
    assert papers(*records) == [0, 0]
    assert editions(*records) == [0, 1]


# ------------------------------------------------------------ how names and words are written


def test_authors_who_moved_into_the_title_are_taken_for_authors() -> None:
    """A scraped title that begins with its authors' names is still that title."""
    assert papers(
        JOINS,
        JOINS
        | {
            "title": "G. Graefe, H. Lu, and P. O'Neil. Adaptive hash joins over skewed streams",
            "authors": [],
            "venue": "VLDB 1999",
        },
    ) == [0, 0]


def test_a_doi_escaped_for_an_address_is_the_same_doi() -> None:
    """`%2802%29` in a DOI is `(02)`, once or twice escaped."""
    base = {"year": 2002, "authors": ["Pantoni, L."]}
    assert papers(
        base
        | {
            "title": "Leukoaraiosis: from an ancient term to an actual marker",
            "doi": "10.1016/S0140-6736(02)08671-3",
        },
        base
        | {
            "title": "Leukoaraiosis, from ancient term to marker",
            "doi": "https://doi.org/10.1016/S0140-6736%2802%2908671-3",
        },
    ) == [0, 0]


def test_an_acronym_and_a_mangled_long_name_are_one_venue() -> None:
    """VLDB and its long name, with UTF-8 read as Windows-1252 beside it, are no difference of venues."""
    base = JOINS | {"authors": ["José Martínez", "Zoë Müller"]}
    assert editions(
        base,
        base
        | {"venue": "Very Large Data Bases", "authors": ["JosÃ© MartÃ\xadnez", "ZoÃ« MÃ¼ller"]},
        base
        | {
            "venue": "VLDB '99: Proceedings of the 25th International Conference on Very Large Data Bases"
        },
    ) == [0, 0, 0]


def test_a_journal_is_not_the_conference_of_its_name() -> None:
    """The VLDB Journal is not the conference of that name."""
    records = (
        JOINS,
        JOINS | {"venue": "The VLDB Journal", "year": 2001, "volume": "10", "pages": "53-71"},
    )
    assert editions(*records) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"Measurements of {\"{e}}lectron drift by Schr{\"{o}}dinger operators", "Measurements of ëlectron drift by Schrödinger operators"),
        (r"Greedy $\varepsilon$-approximation of submodular knapsack functions", "Greedy ε-approximation of submodular knapsack functions"),
        (r"Greedy $\varepsilon$-approximation of submodular knapsack functions", "Greedy epsilon-approximation of submodular knapsack functions"),
        ("Costs &amp;amp; benefits of &amp;lt;i&amp;gt;Helicobacter&amp;lt;/i&amp;gt; eradication", "Costs & benefits of Helicobacter eradication"),
        ("COSTS AND BENEFITS OF HELICOBACTER ERADICATION", "Costs and benefits of Helicobacter eradication"),
        ("Costs and benefits of <i>Helicobacter</i> eradication [Kosten und Nutzen]", "Costs and benefits of Helicobacter eradication"),
        ("β-Catenin and TGF-β in Crohn\u2019s disease", "beta-catenin and TGF-beta in Crohn's disease"),
        ("Na\u0131\u0308ve T cells—ﬁrst ﬂow cytometric ﬁndings in sepsis", "Naïve T cells - first flow cytometric findings in sepsis"),
    ],
)  # fmt: skip
def test_spellings_of_a_title_are_one(one: str, other: str) -> None:
    """LaTeX, HTML escaped twice, capitals, Greek, ligatures and remarks do not make another paper."""
    base = {"authors": ["Weiß, K.", "Ørsted, H."], "year": 2008}
    assert papers(base | {"title": one}, base | {"title": other}) == [0, 0]


def test_a_word_within_a_word_is_not_found_in_it() -> None:
    """`index` inside "Indexing" does not make two papers one."""
    base = {"authors": ["Sellis, T.", "Roussopoulos, N."], "venue": "VLDB", "year": 1987}
    assert papers(
        base | {"title": "The R+-tree: a dynamic index for multi-dimensional objects"},
        base | {"title": "Indexing of moving objects in road networks"},
    ) == [0, 1]


def test_a_missing_year_is_not_another_year() -> None:
    """A record without year is found by title and authors."""
    assert papers(
        SMEARS, SMEARS | {"year": None}, SMEARS | {"year": None, "volume": None, "pages": None}
    ) == [0, 0, 0]


def test_pairs_are_not_misaligned_where_strengths_are_equal() -> None:
    """Two papers, each listed six times with equal strengths, are told apart in any order."""
    issues = (
        {"year": 2000, "volume": "90", "pages": "1-9"},
        {"year": 2004, "volume": "94", "pages": "101-9"},
    )
    notes = {"title": "Editorial", "authors": ["Zuna, R. E."], "venue": "Cancer Cytopathology"}
    records = [notes | issues[place % 2] for place in range(12)]
    assert papers(*records) == [0, 1] * 6
    assert papers(*reversed(records)) == [0, 1] * 6


# ----------------------------------------------------------------------------------- dirty data


def test_a_truncated_title_is_found() -> None:
    """A title that was cut and ends in dots is found by its beginning."""
    base = {"authors": ["Rosenthal, D. L.", "Zuna, R. E."], "year": 2005}
    for tail in ("...", "…", " ..."):
        assert papers(
            SMEARS, base | {"title": f"Human papillomavirus testing of liquid-based cervi{tail}"}
        ) == [0, 0]


def test_a_truncated_common_beginning_is_not_enough() -> None:
    """A cut title by other people is another paper."""
    assert papers(
        {
            "title": "A randomized controlled trial of aspirin in the prevention of recurrent stroke",
            "authors": ["Adams, B."],
            "year": 1999,
        },
        {"title": "A randomized controlled trial of ...", "authors": ["Brown, C."], "year": 1999},
    ) == [0, 1]


@pytest.mark.parametrize(
    "authors",
    [
        ["Zuna, R. E.", "et al."],
        ["Zuna R.E. et al."],
        ["R. E. Zuna"],
        ["ZUNA, R. E.", "WANG, S. S.", "ROSENTHAL, D. L."],
        ["ZUNA RE", "WANG SS", "ROSENTHAL DL"],
        ["Rosemary Zuna", "Sophia Wang", "Dorothy Rosenthal"],
        ["Zuna RE, Wang SS, Rosenthal DL"],
        ["R. E. Zuna and S. S. Wang and D. L. Rosenthal"],
        ["R. E., Zuna", "S. S., Wang", "D. L., Rosenthal"],
        ["Zuna Rosemary", "Wang Sophia", "Rosenthal Dorothy"],
        ["Zuna, R. E., Wang, S. S., Rosenthal, D. L."],
        ["R E Zuna, S S Wang, D L Rosenthal"],
        ["Zuna; Wang; Rosenthal"],
        ["Rosenthal, D. L.", "Wang, S. S.", "Zuna, R. E."],
        ["Zuna, R. E.", "Wang, S. S.", "Rosenthal, D. L.", "others"],
    ],
)
def test_authors_are_recognised(authors: list[str]) -> None:
    """Lists of authors that are cut, glued, swapped or in capitals name the same people."""
    bare = {name: SMEARS[name] for name in ("title", "authors", "year")}
    assert papers(bare, bare | {"authors": authors}) == [0, 0]


def test_other_first_author_alone_is_another_paper() -> None:
    """A generic title by one author each, who are two people, is two papers."""
    base = {"title": "Management of acute pancreatitis", "venue": None}
    assert papers(
        base | {"authors": ["Smith, J."], "year": 2001},
        base | {"authors": ["Garcia, L."], "year": 2001},
    ) == [0, 1]


@pytest.mark.parametrize(
    "venue",
    ["VLDB 1999", "Proc. VLDB, 1999", "In Proceedings of the 25th VLDB Conference, Edinburgh, Scotland, September 1999", "VLDB'99", "Proceedings of the VLDB, pages 120-131", "25th VLDB Conf."],
)  # fmt: skip
def test_a_year_in_the_venue_is_no_other_venue(venue: str) -> None:
    """The year, number or place of a meeting in its venue does not make another venue of it."""
    assert editions(JOINS, JOINS | {"venue": venue}) == [0, 0]


def test_records_without_title_are_not_one() -> None:
    """Empty titles, and titles without a letter, are not equal titles."""
    base = {"authors": ["Zuna, R. E."], "year": 2005}
    assert papers(
        base, base, base | {"title": ""}, base | {"title": "..."}, base | {"title": "<i></i>"}
    ) == [0, 1, 2, 3, 4]


def test_nothing_at_all_is_not_one() -> None:
    """Records of which nothing is known stand alone."""
    assert papers({}, {}, {"title": "?"}) == [0, 1, 2]


def test_very_long_titles_are_compared() -> None:
    """A title as long as an abstract is compared like another."""
    long = " ".join(f"word{place} of the very long title" for place in range(300))
    assert papers(
        {"title": long, "authors": ["Li, W."]}, {"title": long.upper(), "authors": ["Li, W."]}
    ) == [0, 0]


@pytest.mark.parametrize(
    ("one", "other", "third"),
    [
        ("基于深度学习的图像语义分割方法综述", "基于深度学习的图像语义分割方法综述。", "基于图神经网络的交通流量预测研究"),
        ("Методы машинного обучения в анализе медицинских изображений", "МЕТОДЫ МАШИННОГО ОБУЧЕНИЯ В АНАЛИЗЕ МЕДИЦИНСКИХ ИЗОБРАЖЕНИЙ", "Методы оптимизации в задачах управления запасами предприятий"),  # noqa: RUF001 - Cyrillic is meant
        ("تطبيقات التعلم العميق في تشخيص الأمراض", "تطبيقات التعلم العميق في تشخيص الأمراض", "أثر التغير المناخي على الزراعة المطرية"),
        ("深層学習による医用画像の自動診断", "深層学習による医用画像の自動診断", "強化学習によるロボット制御の研究"),
    ],
)  # fmt: skip
def test_titles_of_other_scripts_are_compared(one: str, other: str, third: str) -> None:
    """Chinese, Cyrillic, Arabic and Japanese titles are found, and told apart."""
    base = {"authors": ["王伟", "Иванов, И. И."], "year": 2019}
    assert papers(base | {"title": one}, base | {"title": other}, base | {"title": third}) == [
        0,
        0,
        2,
    ]


def test_a_bad_year_does_not_part_what_all_else_joins() -> None:
    """A year that is off by one, as of early view, is not another paper."""
    assert editions(SMEARS, SMEARS | {"year": 2006}) == [0, 0]


def test_two_dois_are_two_papers() -> None:
    """Equal generic titles with two publishers' DOIs are two papers."""
    base = {"title": "Cluster headache", "authors": ["May, A."], "year": 2005}
    assert papers(
        base | {"doi": "10.1016/s0140-6736(05)67217-0"}, base | {"doi": "10.1038/nrdp.2018.6"}
    ) == [0, 1]


def test_a_chain_does_not_join_parts() -> None:
    """A record without number that resembles parts I and II joins at most one of them."""
    base = {"authors": ["Maria Okafor", "Lars Nyström"], "year": 2011, "venue": "Ocean Modelling"}
    title = "Turbulent mixing in stratified estuarine flows"
    found = papers(
        base | {"title": f"{title}. Part I"},
        base | {"title": title},
        base | {"title": f"{title}. Part II"},
    )
    assert found[0] != found[2]


def test_many_listings_of_one_paper_are_one() -> None:
    """A paper that is listed more often than a block may hold is still found whole."""
    venues = ["VLDB", "Proc. VLDB", "Very Large Data Bases"]
    records = [
        JOINS | {"venue": venues[place % 3], "year": None if place % 5 == 0 else 1999}
        for place in range(130)
    ]
    assert set(papers(*records)) == {0}
