"""Log lines: one JSON object each, or plain text for people; tokens never appear in either."""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final, Literal

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

# Kopf logs a line for each event handled, and hands its settings to every record.
QUIET: Final = {
    "kopf.objects": logging.WARNING,
    "kopf.activities": logging.WARNING,
    "asyncio": logging.WARNING,
}
KOPF_FIELDS: Final = ("k8s_skip", "k8s_ref", "settings")

# Bearer tokens in headers, and JSON web tokens wherever they stand.
SECRET: Final = re.compile(r"(?i)(bearer\s+)[\w.~+/-]+=*|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")


class JsonLines(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(reserved_attrs=[*logging.makeLogRecord({}).__dict__, "message", *KOPF_FIELDS])

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: LogData) -> None:
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        log_data["message"] = record.message
        super().add_fields(log_data, record, message_dict)

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class PlainLines(logging.Formatter):
    """The message, then its fields as name=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")
        self._known = {*logging.makeLogRecord({}).__dict__, "message", "asctime", *KOPF_FIELDS}

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        fields = (f" {name}={value}" for name, value in record.__dict__.items() if name not in self._known)
        return super().formatMessage(record) + "".join(fields)

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def configure(level: str, format: Literal["JSON", "Plain"]) -> None:
    """Sends every log record of the process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if format == "JSON" else PlainLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def redacted(text: str) -> str:
    return SECRET.sub(lambda match: f"{match[1] or ''}[redacted]", text)
