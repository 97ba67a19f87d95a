"""Only what our own containers report is believed; the tail of a foreign log never reaches status."""

import pytest

from mlapi_operator.observe.termination import Fetched, Report, fetched, report, runtime_missing

SHA = "ab" * 32


def test_fetched_file_is_read_from_the_message() -> None:
    assert fetched(f'{{"sizeBytes":5,"sha256":"{SHA}","seconds":0.5}}') == Fetched(5, SHA, 0.5)


def test_file_that_was_not_read_through_has_a_size_and_no_checksum() -> None:
    found = fetched('{"sizeBytes":5,"sha256":"","seconds":0.5}')
    assert found is not None
    assert (found.size_bytes, found.resolved_revision) == (5, None)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Traceback ...",
        "[]",
        "7",
        "{}",
        '{"sizeBytes":"5","sha256":"' + SHA + '","seconds":1}',
        '{"sizeBytes":5,"sha256":"short","seconds":1}',
        '{"sizeBytes":-5,"sha256":"' + SHA + '","seconds":1}',
        '{"sizeBytes":1' + "0" * 30 + ',"sha256":"' + SHA + '","seconds":1}',
        '{"sizeBytes":5,"sha256":"' + SHA + '","seconds":NaN}',
        "[" * 4096,
    ],
)
def test_message_of_another_form_is_no_file(message: str) -> None:
    assert fetched(message) is None


def test_report_is_read_and_cut() -> None:
    assert report('{"reason":"LoadFailed","message":"no"}') == Report("LoadFailed", "no")
    long = report('{"reason":"LoadFailed","message":"' + "x" * 5000 + '"}')
    assert long is not None
    assert len(long.message) == 1000


def test_report_that_is_no_unicode_is_made_so() -> None:
    assert report('{"reason":"LoadFailed","message":"a\\ud800b"}') == Report("LoadFailed", "a?b")


@pytest.mark.parametrize(
    "message", ["", "boom", '{"reason":"a b","message":""}', '{"reason":"Load"}', "null"]
)
def test_message_of_another_form_is_no_report(message: str) -> None:
    assert report(message) is None


@pytest.mark.parametrize(
    "message",
    [
        'exec: "/opt/app/bin/python": stat /opt/app/bin/python: no such file or directory',
        'exec: "/opt/app/bin/python": executable file not found in $PATH',
        "/opt/app/bin/python: Error while finding module specification for 'mlapi_runtime.fetch' "
        "(ModuleNotFoundError: No module named 'mlapi_runtime')",
        "/opt/app/bin/python: No module named mlapi_runtime.launcher",
    ],
)
def test_image_without_the_runtime_is_recognised(message: str) -> None:
    assert runtime_missing(message)


def test_handler_that_misses_a_package_of_its_own_is_another_matter() -> None:
    assert not runtime_missing("ModuleNotFoundError: No module named 'pandas'")
