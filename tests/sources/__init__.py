import pytest

pytest.register_assert_rewrite("tests.sources.case", "tests.sources.idr_case")
