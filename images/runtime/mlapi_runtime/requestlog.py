"""`logRequests: Metadata`: a JSON line per request on stdout; nothing of what was sent or answered."""

import os
from datetime import UTC, datetime

import msgspec

_encode = msgspec.json.Encoder().encode


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """`duration_microseconds` is the very integer that was counted; -1 when the request is in no series."""

    time: str
    method: str
    route: str
    status: int
    duration_microseconds: int
    request_bytes: int
    response_bytes: int


class RequestLog:
    """Lines of one worker. A line is one write of less than a pipe's 4096 bytes: workers never mix theirs."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor

    def write(
        self, method: str, route: str, status: int, microseconds: int, request_bytes: int, response_bytes: int
    ) -> None:
        time = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        line = Line(time, method[:16], route, status, microseconds, request_bytes, response_bytes)
        os.write(self._descriptor, _encode(line) + b"\n")
