"""Brings a file into its part, over as many connections as it takes."""

import random
import ssl
import time
from collections.abc import Callable
from typing import Final

import httpcore

from mlapi_runtime.fetch.failure import Failure
from mlapi_runtime.fetch.order import Order
from mlapi_runtime.fetch.part import Origin, Part
from mlapi_runtime.fetch.progress import UNKNOWN, Progress
from mlapi_runtime.fetch.source import NOT_MODIFIED, RANGE_NOT_SATISFIABLE, Source, header, shown

# Tries in a row that bring nothing; then the container ends, says why, and kubelet starts it again.
MAX_IDLE_TRIES: Final = 5
FIRST_WAIT_SECONDS: Final = 0.2
MAX_WAIT_SECONDS: Final = 30.0
PRIVATE_AUTHORITY: Final = (
    "a private authority is named by the operator's fetch.caConfigMap, under `mlapi serve` by SSL_CERT_FILE"
)


def download(
    order: Order,
    source: Source,
    part: Part,
    progress: Progress,
    known: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Fetches what is missing of the file, resuming after each broken connection.

    Args:
        known: validator of a whole file that is here; empty without one.
    Returns:
        False when the source still has that very file, of which nothing was fetched then.
    Raises:
        Failure: trying on makes no sense here and now.
    """
    idle = 0
    while True:
        before = part.length
        try:
            return _transfer(order, source, part, progress, known)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            text = f"{shown(order.uri)}: {str(error) or type(error).__name__}"
            if isinstance(error.args[0] if error.args else None, ssl.SSLCertVerificationError):
                text += f"; {PRIVATE_AUTHORITY}"
                raise Failure("SourceUnreachable", text) from error
            failure = Failure("SourceUnreachable", text)
        except Failure as error:
            if error.reason != "SourceUnreachable":
                raise
            failure = error
        idle = 0 if part.length > before else idle + 1
        if idle == MAX_IDLE_TRIES:
            raise failure
        # Jitter: the replicas of one MLApi lose their source at the same moment.
        wait = FIRST_WAIT_SECONDS * 2**idle * random.uniform(0.5, 1.0)  # noqa: S311
        sleep(min(max(wait, failure.retry_after_seconds), MAX_WAIT_SECONDS))


def _transfer(order: Order, source: Source, part: Part, progress: Progress, known: str) -> bool:
    """One connection's worth of the file; False when there is nothing new."""
    progress.state = "Connecting"
    start = part.length if part.origin.validator else 0
    with source.get(order.uri, start, part.origin.validator, "" if start else known) as response:
        if response.status == NOT_MODIFIED:
            return False
        if response.status == RANGE_NOT_SATISFIABLE:
            part.restart(Origin(order.uri))
            raise Failure("SourceUnreachable", f"{shown(order.uri)} has no byte {start} any more")
        total = _total_bytes(response, start)
        if response.status == 200:  # from the start: another file by now, or a server without ranges
            part.restart(Origin(order.uri, _validator(response), total))
        if total > order.max_bytes:
            raise _too_large(total, order.max_bytes)
        if total != UNKNOWN:
            part.require_space(total)
        progress.begin(part.length, total)
        for data in response.iter_stream():
            if part.length + len(data) > order.max_bytes:
                raise _too_large(part.length + len(data), order.max_bytes)
            part.append(data)
            progress.done_bytes = part.length
    return True


def _total_bytes(response: httpcore.Response, start: int) -> int:
    """Size of the whole file, -1 when the server does not tell.

    Raises:
        Failure: the range is not the one that was asked for.
    """
    if response.status == 200:
        length = header(response, b"content-length")
        return int(length) if length.isdecimal() else UNKNOWN
    content_range = header(response, b"content-range")
    span, _, total = content_range.removeprefix("bytes ").partition("/")
    if span.partition("-")[0] != str(start):
        raise Failure(
            "SourceUnreachable", f"asked for bytes from {start}, answered {content_range or 'no range'}"
        )
    return int(total) if total.isdecimal() else UNKNOWN


def _validator(response: httpcore.Response) -> str:
    """What If-Range may name: RFC 9110, 13.1.5 wants a strong one."""
    etag = header(response, b"etag")
    return etag if etag and not etag.startswith("W/") else header(response, b"last-modified")


def _too_large(found: int, limit: int) -> Failure:
    return Failure(
        "TooLarge", f"the file has {found} bytes or more, the operator's fetch.maxBytes is {limit}"
    )
