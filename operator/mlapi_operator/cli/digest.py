"""The latency of one server, from its own counts by the operator's arithmetic: what status would say."""

from collections.abc import Mapping
from typing import Final

from rich import box
from rich.table import Table

from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.cli import words
from mlapi_operator.latency.reader import Latencies
from mlapi_operator.protocol import SystemClock
from mlapi_operator.settings import Settings
from mlapi_stats.document import Stats

_DEFAULT_WINDOW: Final[int] = Settings.model_fields["latency_window_seconds"].default
_UID: Final = "here"


class Meter:
    """Figures of the last seconds, as many as `spec.slo` looks back on."""

    def __init__(self, spec: MLApiSpec) -> None:
        self._slo = spec.slo
        self._window_seconds = _DEFAULT_WINDOW if spec.slo is None else spec.slo.window_seconds
        self._latencies = Latencies(SystemClock(), writes_per_second=1.0)

    def read(self, stats: Stats) -> None:
        self._latencies.record(_UID, _UID, stats, self._window_seconds)

    def figures(self) -> dict[str, str]:
        """By name; `-` for what is not known."""
        digest = self._latencies.total(_UID, self._window_seconds)
        p95 = words.latency(digest.p95_microseconds)
        if self._slo is not None and self._slo.latency_p95_milliseconds is not None:
            p95 += f" (target {self._slo.latency_p95_milliseconds}ms)"
        return {
            "window": f"{digest.window_seconds} s",
            "requests": words.count(digest.requests),
            "per minute": words.count(digest.requests_per_minute),
            "errors": words.percent(digest.error_percent),
            "p50": words.latency(digest.p50_microseconds),
            "p95": p95,
            "p99": words.latency(digest.p99_microseconds),
        }


def line(figures: Mapping[str, str]) -> str:
    """The figures as one line of a log."""
    return ", ".join(f"{name} {figure}" for name, figure in figures.items())


def table(figures: Mapping[str, str]) -> Table:
    """The figures as a terminal shows them."""
    shown = Table(*figures, box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_row(*figures.values())
    return shown
