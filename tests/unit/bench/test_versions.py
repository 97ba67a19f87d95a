"""What the contract suite and the OpenAPI documents of two versions say, as the report shows it."""

from mlapi_operator.cli.bench.versions import Verdict, difference, verdict

RESULTS = """<testsuites><testsuite>
<testcase classname="tests.contract.test_errors" name="test_a[FastAPI-fast-1]"/>
<testcase classname="tests.contract.test_errors" name="test_b"><skipped message="needs root"/></testcase>
<testcase classname="tests.contract.test_errors" name="test_c"><failure message="no"/></testcase>
<testcase classname="tests.contract.test_errors" name="test_d"><error message="no"/></testcase>
</testsuite></testsuites>"""


def test_verdict_counts_errors_as_failures_and_names_them() -> None:
    found = verdict(RESULTS)
    assert found == Verdict(
        passed=1,
        skipped=1,
        failed=("tests.contract.test_errors::test_c", "tests.contract.test_errors::test_d"),
    )
    assert str(found).startswith("1 passed, 1 skipped, 2 failed\n    tests.contract.test_errors::test_c")


def test_difference_of_documents_that_are_written_differently_is_empty() -> None:
    assert difference(b'{"a": 1, "b": [2]}', b'{"b":[2],"a":1}', ("1", "2")) == ""


def test_difference_shows_both_sides_of_what_changed() -> None:
    found = difference(b'{"info": {"version": "1"}}', b'{"info": {"version": "2"}}', ("old", "new"))
    assert '-    "version": "1"' in found
    assert '+    "version": "2"' in found
    assert found.startswith("--- old\n+++ new")
