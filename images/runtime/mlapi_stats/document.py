"""The stats document: what a serving pod answers on `/_mlapi/stats`, and the operator reads.

Every count is cumulative since `start_time`. Smoke tests, health and documentation pages are in no series,
nor are refused requests (429, 503), which `rejected` counts.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from mlapi_stats.buckets import FIRST, LAST

VERSION: Final = 1
ROUTES: Final = ("predict", "infer", "user")
STATUSES: Final = ("2xx", "4xx", "5xx")
MAX_BYTES: Final = 256 * 1024
MAX_SERIES: Final = 64
MAX_REVISION: Final = 63  # a label value
MAX_INTEGER: Final = 2**63 - 1
# By spelling: "054" beside "54" would be counted as one, and int() takes far more than digits.
INDICES: Final = {str(i): i for i in range(FIRST, LAST + 1)}


@dataclass(frozen=True, slots=True)
class Series:
    """Requests of one route that ended with one class of status; see `buckets` for the indices."""

    route: str
    status: str
    count: int
    sum_microseconds: int
    buckets: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Stats:
    """One pod's figures.

    `start_time` (unix seconds) names the life of the counters: another value means that they began anew.
    `in_flight`, `queued`, `capacity` (requests) and `loop_lag_microseconds` are of this moment.
    """

    revision: str
    start_time: float
    model_loaded: bool
    in_flight: int
    queued: int
    capacity: int
    loop_lag_microseconds: int
    rejected: int
    series: tuple[Series, ...]
    version: int = VERSION


def encode(stats: Stats) -> bytes:
    """The document as compact JSON."""
    document = {
        "version": stats.version,
        "revision": stats.revision,
        "startTime": stats.start_time,
        "modelLoaded": stats.model_loaded,
        "inFlight": stats.in_flight,
        "queued": stats.queued,
        "capacity": stats.capacity,
        "loopLagMicroseconds": stats.loop_lag_microseconds,
        "rejected": stats.rejected,
        "series": [
            {
                "route": series.route,
                "status": series.status,
                "count": series.count,
                "sumMicroseconds": series.sum_microseconds,
                "buckets": {str(i): n for i, n in sorted(series.buckets.items())},
            }
            for series in stats.series
        ],
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def decode(data: bytes) -> Stats:
    """Reads a document that came from a pod, and is therefore not to be trusted.

    Fields that are not known are passed over: a newer runtime may send more.

    Raises:
        ValueError: it is too large, not JSON, of another version, or a value is not what it must be; the text
            begins with the path of the culprit.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"document: {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        found = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"document: not JSON: {error}") from error
    document = _mapping(found, "document")
    version = _integer(document, "version")
    if version != VERSION:
        raise ValueError(f"version: {version}, this reader knows {VERSION}")
    listed = _get(document, "series", "")
    if not isinstance(listed, list) or len(listed) > MAX_SERIES:
        raise ValueError(f"series: wanted a list of at most {MAX_SERIES}")
    series = tuple(_series(entry, f"series[{i}]") for i, entry in enumerate(listed))
    if len({(entry.route, entry.status) for entry in series}) < len(series):
        raise ValueError("series: the same route and status twice")
    revision = _get(document, "revision", "")
    if not isinstance(revision, str) or not 0 < len(revision) <= MAX_REVISION:
        raise ValueError(f"revision: wanted a name of 1 to {MAX_REVISION} characters")
    start_time = _get(document, "startTime", "")
    if (
        isinstance(start_time, bool)
        or not isinstance(start_time, int | float)
        or not 0 < start_time < math.inf
    ):
        raise ValueError(f"startTime: {_shown(start_time)}, wanted unix seconds")
    model_loaded = _get(document, "modelLoaded", "")
    if not isinstance(model_loaded, bool):
        raise ValueError(f"modelLoaded: {_shown(model_loaded)}, wanted true or false")
    return Stats(
        revision=revision,
        start_time=float(start_time),
        model_loaded=model_loaded,
        in_flight=_integer(document, "inFlight"),
        queued=_integer(document, "queued"),
        capacity=_integer(document, "capacity"),
        loop_lag_microseconds=_integer(document, "loopLagMicroseconds"),
        rejected=_integer(document, "rejected"),
        series=series,
    )


def _series(found: object, path: str) -> Series:
    entry = _mapping(found, path)
    buckets: dict[int, int] = {}
    counts = _mapping(_get(entry, "buckets", f"{path}."), f"{path}.buckets")
    for key in counts:
        if key not in INDICES:
            raise ValueError(f"{path}.buckets[{_shown(key)}]: wanted an index from {FIRST} to {LAST}")
        buckets[INDICES[key]] = _integer(counts, key, f"{path}.buckets.")
    count = _integer(entry, "count", f"{path}.")
    if sum(buckets.values()) != count:
        raise ValueError(f"{path}.count: {count}, but the buckets hold {sum(buckets.values())}")
    return Series(
        route=_one_of(entry, "route", ROUTES, path),
        status=_one_of(entry, "status", STATUSES, path),
        count=count,
        sum_microseconds=_integer(entry, "sumMicroseconds", f"{path}."),
        buckets=buckets,
    )


def _one_of(entry: Mapping[str, Any], key: str, known: tuple[str, ...], path: str) -> str:
    found = _get(entry, key, f"{path}.")
    if not isinstance(found, str) or found not in known:
        raise ValueError(f"{path}.{key}: {_shown(found)}, wanted one of {', '.join(known)}")
    return found


def _integer(entry: Mapping[str, Any], key: str, prefix: str = "") -> int:
    found = _get(entry, key, prefix)
    if type(found) is not int or not 0 <= found <= MAX_INTEGER:
        raise ValueError(f"{prefix}{key}: {_shown(found)}, wanted an integer from 0 to {MAX_INTEGER}")
    return found


def _get(entry: Mapping[str, Any], key: str, prefix: str) -> object:
    if key not in entry:
        raise ValueError(f"{prefix}{key}: missing")
    return entry[key]


def _mapping(found: object, path: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"{path}: {_shown(found)}, wanted an object")
    return found


def _shown(found: object) -> str:
    text = repr(found) if isinstance(found, str | int | float | bool | None) else type(found).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
