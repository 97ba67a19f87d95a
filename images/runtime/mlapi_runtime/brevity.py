"""Which calls of a model are so short that handing them to a thread would cost more than they do."""

import math
from functools import lru_cache
from typing import Final

# What may hold up the event loop. After a call beyond it so many of its size must stay below it elsewhere.
LIMIT_SECONDS: Final = 300e-6
PROBATION: Final = 16
# Less than that is expected, as calls that count as one size differ by a quarter.
BRIEF_SECONDS: Final = LIMIT_SECONDS * 3 / 4
# About twice what it costs to queue a request and to wake it: whoever takes less need not wait for company.
MOMENT_SECONDS: Final = LIMIT_SECONDS / 3
RISE: Final = 0.1  # weight of a call that took longer than those before


class Brevity:
    """What the calls so far took, by size in steps of a quarter at most. A size never met is not brief.

    In CPU seconds of the calling thread; the shortest of the recent calls is what a size takes. Other
    processes, or the loop that holds the interpreter's lock, make calls look longer, and nothing shorter.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._probation: dict[int, int] = {}
        self._moments: set[int] = set()  # sizes that take a moment, as they are asked for by each request

    def expects(self, elements: int) -> bool:
        """Whether a call with so many elements in its inputs will be brief."""
        return self._expected(_size(elements)) <= BRIEF_SECONDS

    def expects_a_moment(self, elements: int) -> bool:
        """Whether it will be so brief that sharing it with other requests would save nothing."""
        return _size(elements) in self._moments

    def note(self, elements: int, seconds: float) -> None:
        """A call took so long."""
        size = _size(elements)
        before = self._seconds.setdefault(size, seconds)
        self._seconds[size] = min(seconds, before + RISE * (seconds - before))
        if seconds > LIMIT_SECONDS >= before:  # the first of all is long in any case: it allocates
            self._probation[size] = PROBATION
        elif self._probation.get(size):
            self._probation[size] -= 1
        self._settle(size)

    def doubt(self, elements: int) -> None:
        """A call on the loop looked too long, by the wall clock: the next one of its size will tell."""
        size = _size(elements)
        self._probation[size] = 1
        self._settle(size)

    def _settle(self, size: int) -> None:
        if self._expected(size) <= MOMENT_SECONDS:
            self._moments.add(size)
        else:
            self._moments.discard(size)

    def _expected(self, size: int) -> float:
        return math.inf if self._probation.get(size) else self._seconds.get(size, math.inf)


@lru_cache(maxsize=1024)  # most requests are of few sizes
def _size(elements: int) -> int:
    """The number of binary digits, and the first three of them."""
    digits = elements.bit_length()
    return digits << 3 | elements >> max(0, digits - 3)
