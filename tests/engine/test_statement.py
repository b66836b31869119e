from __future__ import annotations

from builder.engine.statement import difference, statement


def test_a_process_differs_from_itself_in_nothing_and_states_what_matters() -> None:
    stated = statement()
    assert difference(stated, dict(stated)) == ""
    assert {"cytoimagenet's code", "python", "numpy", "imagecodecs", "numba"} <= stated.keys()


def test_what_differs_is_named_with_both_versions() -> None:
    ours = {"python": "3.11", "numpy": "2.1", "numba": "0.61"}
    assert difference(ours, {"python": "3.11", "numpy": "2.0"}) == (
        "numpy 2.0 in place of 2.1, numba none in place of 0.61"
    )
