"""Figures as people read them; `-` for what is not known. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from mlapi_operator.latency.digest import UNKNOWN, readable
from mlapi_operator.observe.times import moment

NOTHING: Final = "-"
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60))


def count(number: int) -> str:
    return NOTHING if number == UNKNOWN else f"{number:,}"


def percent(number: int) -> str:
    return NOTHING if number == UNKNOWN else f"{number} %"


def latency(microseconds: int) -> str:
    return NOTHING if microseconds == UNKNOWN else readable(microseconds)


def size(count: int) -> str:
    """Bytes by the vendors' units, as in `12.4 MB`."""
    if count == UNKNOWN:
        return NOTHING
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 99.5 or unit == "bytes" else f"{value:.1f} {unit}"


def span(seconds: float) -> str:
    """In the largest unit that it fills twice, as kubectl has it: `90s`, `5m`, `3h`, `12d`."""
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def age(time: str | None, now: datetime) -> str:
    """How long ago a Kubernetes time was."""
    at = moment(time)
    return NOTHING if at is None else span((now - at).total_seconds())


def plural(number: int, one: str) -> str:
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def figures(entry: Mapping[str, Any]) -> list[str]:
    """Requests, p50, p95 and errors of an entry of status.revisions, or of what its annotation holds."""
    return [
        count(entry.get("requests", UNKNOWN)),
        latency(entry.get("p50Microseconds", UNKNOWN)),
        latency(entry.get("p95Microseconds", UNKNOWN)),
        percent(entry.get("errorPercent", UNKNOWN)),
    ]


FIGURES: Final = ("REQUESTS", "P50", "P95", "ERRORS")


def listed(parts: Iterable[str | None]) -> str:
    return ", ".join(part for part in parts if part)
