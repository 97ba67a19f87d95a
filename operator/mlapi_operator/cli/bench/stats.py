"""Medians and their intervals; pure, and free of assumptions about how the values are distributed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median, and two of the values that hold the true one between them.

    `coverage` is the probability of that, 0 to 1: what few values cannot give is not claimed.
    """

    median: float
    low: float
    high: float
    coverage: float


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no values to take the median of")
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def estimate(values: Sequence[float]) -> Estimate:
    """The median, and the narrowest pair of order statistics that covers it at 95 %, or the extremes.

    Raises:
        ValueError: there are none.
    Source: David and Nagaraja, Order Statistics, 7.1:
    P(X(k) <= m <= X(n+1-k)) = P(k <= Binomial(n, 1/2) <= n-k).
    """
    ordered = sorted(values)
    n = len(ordered)
    k = max((k for k in range(1, n // 2 + 1) if _coverage(n, k) >= CONFIDENCE), default=1)
    return Estimate(median(ordered), ordered[k - 1], ordered[n - k], _coverage(n, k))


def _coverage(n: int, k: int) -> float:
    return sum(math.comb(n, i) for i in range(k, n - k + 1)) / float(2**n)
