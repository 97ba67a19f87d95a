"""Exponential buckets of base 2^(1/16), sparse: index -> requests.

Source: Prometheus native histograms, schema 4. The range is 10 us to 3,600 s.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

FIRST: Final = 54  # covers 10 us, and takes what was quicker
LAST: Final = 508  # covers 3,600 s, and takes what was slower


@lru_cache(maxsize=4096)  # a few hundred durations are most of all
def index(microseconds: int) -> int:
    """Bucket that counts a request of this duration.

    Args:
        microseconds: duration; below the range (0 and less too) it counts as FIRST, above it as LAST.
    Returns:
        i, the bucket covering (2**((i-1)/16), 2**(i/16)] microseconds; FIRST to LAST.
    """
    if microseconds <= 1:
        return FIRST
    return min(max(math.ceil(16 * math.log2(microseconds)), FIRST), LAST)


def bound(position: float) -> float:
    """Upper bound of the bucket `position`, microseconds; its geometric midpoint is half a position below."""
    return float(2 ** (position / 16))


def quantile(buckets: Mapping[int, int], percent: int) -> int:
    """Latency that `percent` of the requests stayed at or below.

    Args:
        buckets: sparse, index -> requests; index i covers (2**((i-1)/16), 2**(i/16)] microseconds.
        percent: 1 to 99.
    Returns:
        Microseconds, the geometric midpoint of the bucket, whole (error <= 2.2 % and half a microsecond);
        -1 when nothing was counted.
    Raises:
        ValueError: `percent` is out of range.
    Source: Prometheus native histograms, schema 4.
    """
    if not 1 <= percent <= 99:
        raise ValueError(f"percent: {percent} is not within 1 to 99")
    rank = -(-sum(buckets.values()) * percent // 100)
    if rank == 0:
        return -1
    for i in sorted(buckets):
        rank -= buckets[i]
        if rank <= 0:
            break
    return round(bound(i - 0.5))


def merge(parts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Sum of several histograms, index by index; exact, as all share the same bounds."""
    merged: Counter[int] = Counter()
    for part in parts:
        merged.update(part)
    return dict(merged)
