"""What was counted, reduced to what a digest is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlapi_stats import buckets
from mlapi_stats.document import Stats


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests by outcome; `success` holds the 2xx ones as buckets of latency.

    Refused requests (429, 503) are in none of them: how quick a refusal is says nothing about the model.
    """

    success: Mapping[int, int] = field(default_factory=dict)
    client_errors: int = 0
    server_errors: int = 0

    @property
    def requests(self) -> int:
        return sum(self.success.values()) + self.client_errors + self.server_errors

    def plus(self, other: "Tally") -> "Tally":
        return Tally(
            buckets.merge((self.success, other.success)),
            self.client_errors + other.client_errors,
            self.server_errors + other.server_errors,
        )

    def minus(self, other: "Tally") -> "Tally":
        """What came since `other`; never less than nothing, whatever a pod claims."""
        success = {i: n - other.success.get(i, 0) for i, n in self.success.items()}
        return Tally(
            {i: n for i, n in success.items() if n > 0},
            max(self.client_errors - other.client_errors, 0),
            max(self.server_errors - other.server_errors, 0),
        )


def tally(stats: Stats) -> Tally:
    """All routes of one pod, since its counters began."""
    return Tally(
        buckets.merge(series.buckets for series in stats.series if series.status == "2xx"),
        sum(series.count for series in stats.series if series.status == "4xx"),
        sum(series.count for series in stats.series if series.status == "5xx"),
    )
