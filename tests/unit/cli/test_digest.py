"""The latency digest of a laptop is that of status: same arithmetic, same words."""

import time

from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.cli.digest import Meter, line
from mlapi_stats.buckets import index
from mlapi_stats.document import Series, Stats
from tests.support.mlapis import mlapi


def stats(requests: int, microseconds: int) -> Stats:
    series = Series("predict", "2xx", requests, requests * microseconds, {index(microseconds): requests})
    return Stats("digits-local", time.time(), True, 0, 0, 100, 0, 0, (series,) if requests else ())


def test_figures_are_unknown_until_something_is_counted() -> None:
    meter = Meter(parse(mlapi({})))
    assert line(meter.figures()) == "window 300 s, requests -, per minute -, errors -, p50 -, p95 -, p99 -"
    meter.read(stats(0, 0))
    assert line(meter.figures()) == "window 300 s, requests 0, per minute 0, errors -, p50 -, p95 -, p99 -"


def test_figures_count_within_the_window_of_the_slo_and_name_its_target() -> None:
    meter = Meter(parse(mlapi({"slo": {"latencyP95Milliseconds": 50, "windowSeconds": 60}})))
    meter.read(stats(120, 4000))
    figures = meter.figures()
    assert (figures["window"], figures["requests"], figures["per minute"]) == ("60 s", "120", "120")
    assert (figures["errors"], figures["p50"]) == ("0 %", "4.0ms")
    assert figures["p95"] == "4.0ms (target 50ms)"
