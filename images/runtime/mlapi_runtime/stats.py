"""The stats document, summed over the workers' cells."""

from collections import Counter

from mlapi_runtime.config import Config
from mlapi_runtime.shared import IN_FLIGHT, LOOP_LAG, QUEUED, READY, REJECTED, STATE, Shared
from mlapi_stats.buckets import merge
from mlapi_stats.document import Series, Stats


def stats(config: Config, shared: Shared, start_time: float) -> Stats:
    """The pod's figures.

    Args:
        start_time: unix seconds when the counters began.
    """
    sums: Counter[tuple[str, str]] = Counter()
    parts: dict[tuple[str, str], list[dict[int, int]]] = {}
    for slot in shared.slots:
        for route, status, microseconds, buckets in slot.series():
            sums[route, status] += microseconds
            parts.setdefault((route, status), []).append(buckets)
    series = []
    for (route, status), counted in parts.items():
        buckets = merge(counted)
        series.append(Series(route, status, sum(buckets.values()), sums[route, status], buckets))
    return Stats(
        revision=config.revision,
        start_time=start_time,
        model_loaded=any(slot.cells[STATE] == READY for slot in shared.slots),
        in_flight=total(shared, IN_FLIGHT),
        queued=total(shared, QUEUED),
        capacity=config.serving.concurrency_per_worker * config.serving.workers,
        loop_lag_microseconds=max(slot.cells[LOOP_LAG] for slot in shared.slots),
        rejected=total(shared, REJECTED),
        series=tuple(series),
    )


def total(shared: Shared, cell: int) -> int:
    """Sum of one cell over all slots."""
    return sum(slot.cells[cell] for slot in shared.slots)
