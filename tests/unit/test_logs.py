"""Log lines: JSON with the fields given, and no tokens."""

import json
import logging

import pytest

from mlapi_operator import logs

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _restored() -> object:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    yield
    root.handlers[:] = kept
    root.setLevel(level)


def test_json_line_holds_time_level_logger_message_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "JSON")
    logging.getLogger("mlapi_operator.x").info(
        "applied child", extra={"mlapi": "team-a/digits", "kind": "Service"}
    )
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "mlapi_operator.x",
        "message": "applied child",
        "mlapi": "team-a/digits",
        "kind": "Service",
    }


def test_json_line_of_an_error_is_one_line_with_its_stack(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "JSON")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: broken" in json.loads(line)["exc_info"]


@pytest.mark.parametrize("format", ["JSON", "Plain"])
@pytest.mark.parametrize("text", [f"Authorization: Bearer {TOKEN}", f"token={TOKEN}", "Bearer abc.def-123"])
def test_token_in_message_field_or_error_is_not_written(
    capsys: pytest.CaptureFixture[str], format: str, text: str
) -> None:
    logs.configure("INFO", format)  # type: ignore[arg-type]
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("x").exception("failed: %s", text, extra={"header": text})
    written = capsys.readouterr().err
    assert written.count("[redacted]") >= 3
    assert TOKEN not in written
    assert "abc.def" not in written


def test_plain_line_holds_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "Plain")
    logging.getLogger("x").warning("reconcile failed", extra={"mlapi": "team-a/digits"})
    assert capsys.readouterr().err.endswith("WARNING reconcile failed mlapi=team-a/digits\n")


def test_line_per_handled_event_of_kopf_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "JSON")
    logging.getLogger("kopf.objects").info("Handler 'observe' succeeded.")
    logging.getLogger("kopf.objects").warning("kept")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "kept"
