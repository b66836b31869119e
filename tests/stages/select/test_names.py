"""Class folders and file names.

They follow the paper's mapping and are safe everywhere.
"""

from __future__ import annotations

import re
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.stages.select.names import class_folders, file_names


@pytest.mark.parametrize(
    ("label", "folder"),
    [
        ("human", "human"),
        ("white blood cell", "white_blood_cell"),
        ("rho associated kinase inhibitor", "rho_associated_kinase_inhibitor"),
        ("uv inactivated sars-cov-2", "uv_inactivated_sars-cov-2"),
        ("smp2 -- ykl042w targeted", "smp2-ykl042w_targeted"),
        ("serotonin/dopamine antagonist", "serotonin-dopamine_antagonist"),
        ("2,4-dinitrophenol", "2_4-dinitrophenol"),
        ("α-amylase inhibitor", "alpha-amylase_inhibitor"),
        ("ΔF508 λ", "deltaF508_lambda"),
        ("10 µm", "10_mum"),
        ("naïve", "naive"),
        ("cd4+", "cd4plus"),
        ("50% serum", "50percent_serum"),
        ('what?*<>:"\\|', "what________"),
        ("con", "_con"),
        ("NUL.x", "_NUL.x"),
        (".hidden", "_hidden"),
        ("sp.", "sp_"),
        ("..", "__"),
        ("", "_"),
    ],
)
def test_folders(label: str, folder: str) -> None:
    assert class_folders([label]) == {label: folder}


def test_labels_that_would_share_a_folder_do_not() -> None:
    folders = class_folders(["a b", "a_b", "A_B", "c"])
    assert folders["A_B"] == "A_B"  # the first by code point
    assert folders["c"] == "c"
    assert re.fullmatch(r"a_b-[0-9a-f]{8}", folders["a b"])
    assert re.fullmatch(r"a_b-[0-9a-f]{8}", folders["a_b"])
    assert folders["a b"] != folders["a_b"]


def test_a_label_that_looks_like_anothers_way_out() -> None:
    way_out = class_folders(["a b", "a_b"])["a_b"]
    folders = class_folders(["a b", "a_b", way_out])
    assert len(set(folders.values())) == 3


@settings(deadline=None)
@given(st.sets(st.text(max_size=12) | st.text("ab _./-A", max_size=4) | st.text(min_size=100, max_size=300)))
def test_folders_are_safe_and_different(labels: set[str]) -> None:
    folders = class_folders(labels)
    assert set(folders) == labels
    assert len({folder.lower() for folder in folders.values()}) == len(labels)
    for folder in folders.values():
        assert urllib.parse.quote(folder, safe="") == folder
        assert 1 <= len(folder) <= 200
        assert folder[0] != "."
        assert folder[-1] != "."


def test_file_names_are_as_wide_as_the_size() -> None:
    assert file_names("human", 5) == [f"human-{n}.png" for n in ("000", "001", "010", "011", "100")]
    assert file_names("x", 1) == ["x-0.png"]
    assert file_names("x", 1000)[11] == "x-0000001011.png"
