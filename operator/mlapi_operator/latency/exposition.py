"""The figures of every MLApi on the operator's `/metrics`, at every scrape anew and bound by no budget."""

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mlapi_operator.api.types import Key
from mlapi_operator.latency.digest import UNKNOWN, Digest

LABELS = ("namespace", "name", "revision")
QUANTILES = ("0.5", "0.95", "0.99")


class Exposition(Collector):
    """What Prometheus reads; unknown figures are left out, as its conventions want it.

    Args:
        figures: MLApi, revision and its digest, of all that are known.
    """

    def __init__(self, figures: Callable[[], Iterable[tuple[Key, str, Digest]]]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[GaugeMetricFamily]:
        latency = GaugeMetricFamily(
            "mlapi_request_duration_seconds",
            "Quantiles of the latency of 2xx answers within the window.",
            labels=(*LABELS, "quantile"),
        )
        requests = GaugeMetricFamily("mlapi_window_requests", "Requests within the window.", labels=LABELS)
        errors = GaugeMetricFamily(
            "mlapi_window_error_percent", "5xx answers of 100 requests within the window.", labels=LABELS
        )
        pods = GaugeMetricFamily("mlapi_pods_sampled", "Pods whose figures are known.", labels=LABELS)
        for key, revision, digest in self._figures():
            labels = (*key, revision)
            pods.add_metric(labels, digest.pods_sampled)
            if digest.requests != UNKNOWN:
                requests.add_metric(labels, digest.requests)
            if digest.error_percent != UNKNOWN:
                errors.add_metric(labels, digest.error_percent)
            microseconds = (digest.p50_microseconds, digest.p95_microseconds, digest.p99_microseconds)
            for quantile, value in zip(QUANTILES, microseconds, strict=True):
                if value != UNKNOWN:
                    latency.add_metric((*labels, quantile), value / 1e6)
        return latency, requests, errors, pods

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: the registry needs not ask for figures to learn the names."""
        return ()
