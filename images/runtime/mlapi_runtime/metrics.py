"""`/metrics` from the same counts as the stats document, in coarser buckets: powers of two microseconds."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mlapi_stats.document import Series, Stats

# 2^7 us = 128 us to 2^26 us = 67 s. A bound 2^(16k/16) is one of the fine bounds: nothing is estimated.
EXPONENTS = range(7, 27)


class PodMetrics(Collector):
    """The figures of one stats document.

    Args:
        cancelled: requests whose client went away, since the start.
    """

    def __init__(self, stats: Stats, cancelled: int) -> None:
        self._stats = stats
        self._cancelled = cancelled

    def collect(self) -> Iterator[Metric]:
        stats = self._stats
        latency = HistogramMetricFamily(
            "mlapi_request_duration_seconds",
            "Duration of requests, from headers read to answer written",
            labels=("route", "status"),
        )
        for series in stats.series:
            latency.add_metric((series.route, series.status), _classic(series), series.sum_microseconds / 1e6)
        yield latency
        yield CounterMetricFamily(
            "mlapi_requests_rejected", "Requests refused with 429 or 503", stats.rejected
        )
        yield CounterMetricFamily(
            "mlapi_requests_cancelled", "Requests whose client went away before the answer", self._cancelled
        )
        yield GaugeMetricFamily("mlapi_requests_in_flight", "Requests in work", stats.in_flight)
        yield GaugeMetricFamily("mlapi_requests_queued", "Requests that wait for the model", stats.queued)
        yield GaugeMetricFamily("mlapi_requests_capacity", "Requests admitted at once", stats.capacity)
        yield GaugeMetricFamily(
            "mlapi_loop_lag_seconds", "Lag of the slowest event loop", stats.loop_lag_microseconds / 1e6
        )
        revision = GaugeMetricFamily(
            "mlapi_revision_info", "The revision that is served", labels=("revision",)
        )
        revision.add_metric((stats.revision,), 1)
        yield revision


def text(stats: Stats, cancelled: int) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PodMetrics(stats, cancelled))
    return generate_latest(registry)


def _classic(series: Series) -> list[tuple[str, float]]:
    """Cumulative buckets: (upper bound in seconds, requests)."""
    bounds = [
        (repr(2**exponent / 1e6), sum(n for i, n in series.buckets.items() if i <= 16 * exponent))
        for exponent in EXPONENTS
    ]
    return [*((bound, float(count)) for bound, count in bounds), ("+Inf", float(series.count))]
