"""Compounds merged by structure.

The table keeps its own rules, and the names that people know end as one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from builder.vocabulary import compounds, lookalikes, merges, normalize

_KEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")


@pytest.mark.parametrize(
    "names",
    [
        ("rifampin", "Rifampicin"),
        ("Cyclosporin A", "cyclosporine"),
        ("sirolimus", "rapamycin"),
        ("glyburide", "glibenclamide", "glybenclamide"),
        ("Hydroxychloroquine Sulfate", "hydroxychloroquine"),
        ("betulinic-acid", "betulinic acid"),
        ("gw 9662", "GW9662"),
        ("ml-9", "ML9"),
        ("salbutamol", "albuterol"),
        ("theophylline", "theophylline monohydrate"),
        ("lidocaine", "lidocaine hydrochloride"),
    ],
)
def test_one_substance_is_one_name(names: tuple[str, ...]) -> None:
    assert len({normalize("compound", name) for name in names}) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("citalopram", "escitalopram"),
        ("omeprazole", "esomeprazole"),
        ("tetramisole", "levamisole"),
        ("quinine", "quinidine"),
        ("dropropizine", "levodropropizine"),
        ("(-)-jq1", "(+)-jq1"),
        ("epirubicin", "doxorubicin hydrochloride"),
        ("betamethasone", "dexamethasone"),
        ("olmesartan", "olmesartan medoxomil"),  # the second an ester
        ("diloxanide", "diloxanide furoate"),
        ("(r)-propranolol hydrochloride", "(s)-propranolol hydrochloride"),
        ("primaquine", "procyclidine"),  # one table gives both the same structure
    ],
)
def test_different_drugs_stay_apart(names: tuple[str, ...]) -> None:
    assert len({normalize("compound", name) for name in names}) == len(names)


def test_rows_are_sound() -> None:
    rows = compounds()
    assert len(rows) > 1000
    assert [name for name, count in Counter(row.name for row in rows).items() if count > 1] == []
    names = {row.name for row in rows}
    for row in rows:
        assert row.name == " ".join(row.name.lower().split())
        assert row.merged in names, f"{row}: the name that others take has a row of its own"
        assert row.inchikeys, row
        assert all(_KEY.fullmatch(key) for key in row.inchikeys), row
        assert len(row.reason.split()) > 3, row
    assert [row.name for row in rows] == sorted(names)


def test_merged_names_share_a_connectivity() -> None:
    """Merged names share one first block of their InChIKeys.

    A name to which tables give two has none merged.
    """
    by_name = {row.name: row for row in compounds()}
    for row in by_name.values():
        blocks = {key[:14] for key in row.inchikeys}
        if row.merged != row.name:
            assert blocks == {key[:14] for key in by_name[row.merged].inchikeys}, row
        if len(blocks) > 1:
            assert row.merged == row.name, row
            assert not [other for other in by_name.values() if other.merged == row.name and other != row], row


def test_names_with_one_full_key_are_merged_or_parted_by_review() -> None:
    """Only reviewers may leave two names with one InChIKey.

    Otherwise it is a mistake; the full key counts.
    """
    left = defaultdict(set)
    for row in compounds():
        if row.merged == row.name and len({key[:14] for key in row.inchikeys}) == 1:
            for key in row.inchikeys:
                left[key].add(row)
    parted = [rows for rows in left.values() if len(rows) > 1]
    assert parted
    assert [rows for rows in parted if not all("review" in row.reason for row in rows)] == []


def test_no_name_is_merged_twice() -> None:
    """``merges.csv`` leads to no name that ``compounds.csv`` merges further."""
    becomes = {merge.found: merge.becomes for merge in merges() if merge.category == "compound"}
    assert [found for found, name in becomes.items() if name in becomes] == []


def test_what_was_kept_apart_is_shown_with_its_identifier() -> None:
    names = ("citalopram", "escitalopram", "quinine", "aspirin")
    found = lookalikes({"compound": dict.fromkeys(names, 1), "phenotype": dict.fromkeys(names, 1)})
    assert [(pair.category, pair.token, pair.other, pair.why) for pair in found if pair.why == "identifier"] == [
        ("compound", "citalopram", "escitalopram", "identifier")
    ]
