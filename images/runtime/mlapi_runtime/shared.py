"""The counters that launcher, gunicorn and workers share: one anonymous mapping, inherited by fork.

Each worker owns one slot and is its only writer; a worker that replaces a dead one takes over its slot and
counts on, so no count is lost and no file is left behind. Cells are aligned 64-bit integers, read unlocked.
"""

import mmap
from collections.abc import Iterator
from functools import cache
from typing import Final

from mlapi_stats.buckets import FIRST, LAST
from mlapi_stats.document import ROUTES, STATUSES

CELL: Final = 8
CAUSE_CELLS: Final = 512  # a termination message, length first
BUCKETS: Final = LAST - FIRST + 1
SERIES_CELLS: Final = 1 + BUCKETS  # sum of microseconds, then the buckets

# Cells of a slot before its series.
STATE, HEARTBEAT, IN_FLIGHT, QUEUED, LOOP_LAG, REJECTED, CANCELLED, SERIES = range(8)
SLOT_CELLS: Final = SERIES + len(ROUTES) * len(STATUSES) * SERIES_CELLS

EMPTY, LOADING, READY = range(3)

DRAINING, STOPPING, HEADER_CELLS = range(3)


class Slot:
    """One worker's cells."""

    __slots__ = ("cells",)

    def __init__(self, cells: "memoryview[int]") -> None:
        self.cells = cells

    def count(self, series: int, bucket: int, microseconds: int) -> None:
        """Counts one request.

        Args:
            series: as of `series_of`.
            bucket: FIRST to LAST.
            microseconds: duration.
        """
        start = SERIES + series * SERIES_CELLS
        self.cells[start] += microseconds
        self.cells[start + 1 + bucket - FIRST] += 1

    def begin(self, now_nanoseconds: int) -> None:
        """A worker starts here; what an earlier one counted stays."""
        self.cells[IN_FLIGHT] = self.cells[QUEUED] = self.cells[LOOP_LAG] = 0
        self.cells[HEARTBEAT] = now_nanoseconds
        self.cells[STATE] = LOADING

    def end(self) -> None:
        """The worker here is gone."""
        self.cells[STATE] = EMPTY
        self.cells[IN_FLIGHT] = self.cells[QUEUED] = self.cells[LOOP_LAG] = 0

    def series(self) -> Iterator[tuple[str, str, int, dict[int, int]]]:
        """Route, status class, sum of microseconds, sparse buckets of every series that counted something."""
        for number in range(len(ROUTES) * len(STATUSES)):
            start = SERIES + number * SERIES_CELLS
            values = self.cells[start : start + SERIES_CELLS].tolist()
            buckets = {FIRST + i: n for i, n in enumerate(values[1:]) if n}
            if buckets:
                route, status = divmod(number, len(STATUSES))
                yield ROUTES[route], STATUSES[status], values[0], buckets


class Shared:
    """The whole mapping: flags of the pod, the cause of its end, a slot for each worker."""

    def __init__(self, workers: int) -> None:
        size = (HEADER_CELLS + CAUSE_CELLS + workers * SLOT_CELLS) * CELL
        self._bytes = mmap.mmap(-1, size)  # MAP_SHARED: seen by every process forked from here on
        self.cells = memoryview(self._bytes).cast("q")
        start = HEADER_CELLS + CAUSE_CELLS
        self.slots = tuple(
            Slot(self.cells[start + i * SLOT_CELLS : start + (i + 1) * SLOT_CELLS]) for i in range(workers)
        )

    @property
    def draining(self) -> bool:
        return bool(self.cells[DRAINING])

    @property
    def stopping(self) -> bool:
        return bool(self.cells[STOPPING])

    @property
    def cause(self) -> str:
        """Why a worker could not go on; empty while there is no cause."""
        length = self.cells[HEADER_CELLS]
        start = (HEADER_CELLS + 1) * CELL
        return self._bytes[start : start + length].decode(errors="replace")

    @cause.setter
    def cause(self, text: str) -> None:
        """The first cause is kept: what follows it is its consequence."""
        if self.cells[HEADER_CELLS]:
            return
        raw = text.encode()[: (CAUSE_CELLS - 1) * CELL]
        start = (HEADER_CELLS + 1) * CELL
        self._bytes[start : start + len(raw)] = raw
        self.cells[HEADER_CELLS] = len(raw)


@cache
def series_of(route: str, status: int) -> int:
    """Number of the series that counts an answer: 2xx and 3xx are one class.

    Args:
        route: one of `mlapi_stats.document.ROUTES`.
        status: HTTP status.
    """
    return ROUTES.index(route) * len(STATUSES) + (0 if status < 400 else 1 if status < 500 else 2)
