import pytest

pytest.register_assert_rewrite(
    "tests.sources.case", "tests.sources.case_broken", "tests.sources.case_checks", "tests.sources.idr_case"
)
