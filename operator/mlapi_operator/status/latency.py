"""LatencyWithinTarget, and the digest as status shows it."""

from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.api.types import Manifest
from mlapi_operator.latency.digest import ENOUGH_REQUESTS, UNKNOWN, Digest, readable
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.observe.times import timestamp
from mlapi_operator.status.chain import Check


def data_present(facts: Facts) -> Objection | None:
    if facts.latency is None or facts.latency.sampled_at is None:
        return Objection(conditions.NO_DATA, "no pod has been asked for its figures yet", unknown=True)
    if facts.latency.requests < ENOUGH_REQUESTS:
        return Objection(
            conditions.TOO_FEW_REQUESTS,
            f"fewer than {ENOUGH_REQUESTS} requests within {facts.latency.window_seconds} s",
            unknown=True,
        )
    return None


def latency_within_target(facts: Facts) -> Objection | None:
    slo, latency = facts.slo, facts.latency
    if slo is None or latency is None or slo.latency_p95_milliseconds is None:
        return None
    if latency.p95_microseconds <= slo.latency_p95_milliseconds * 1000:
        return None
    return Objection(
        conditions.ABOVE_TARGET,
        f"p95 is {readable(latency.p95_microseconds)}, spec.slo.latencyP95Milliseconds wants at most "
        f"{slo.latency_p95_milliseconds}ms",
    )


def errors_within_target(facts: Facts) -> Objection | None:
    slo, latency = facts.slo, facts.latency
    if slo is None or latency is None or slo.max_error_percent is None:
        return None
    if latency.error_percent <= slo.max_error_percent:
        return None
    return Objection(
        conditions.ABOVE_TARGET,
        f"{latency.error_percent} % of the requests fail, spec.slo.maxErrorPercent wants at most "
        f"{slo.max_error_percent} %",
    )


LATENCY_WITHIN_TARGET: Final[tuple[Check, ...]] = (
    data_present,
    latency_within_target,
    errors_within_target,
)


def section(digest: Digest) -> Manifest:
    """status.latency."""
    shown: Manifest = {
        "windowSeconds": digest.window_seconds,
        "requests": digest.requests,
        "requestsPerMinute": digest.requests_per_minute,
        "errorPercent": digest.error_percent,
        "podsSampled": digest.pods_sampled,
        "p50Microseconds": digest.p50_microseconds,
        "p95Microseconds": digest.p95_microseconds,
        "p99Microseconds": digest.p99_microseconds,
    }
    if digest.sampled_at:
        shown["sampledAt"] = timestamp(digest.sampled_at)
    if digest.p95_microseconds != UNKNOWN:
        shown["p95"] = readable(digest.p95_microseconds)
    return shown
