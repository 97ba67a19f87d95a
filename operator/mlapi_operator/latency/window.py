"""What was counted over the last seconds, in slots."""

from collections import deque
from typing import Final

from mlapi_operator.latency.tally import Tally

SLOT_SECONDS: Final = 5


class Window:
    """A row of slots and their running sum: a reading costs one histogram, however long the window is.

    Times are seconds of one clock that is never set back.
    """

    def __init__(self) -> None:
        self._slots: deque[tuple[int, Tally]] = deque()
        self._sum = Tally()

    def __bool__(self) -> bool:
        return bool(self._slots)

    def add(self, counted: Tally, now: float) -> None:
        if not counted.requests:
            return
        slot = int(now // SLOT_SECONDS)
        if self._slots and self._slots[-1][0] == slot:
            counted_before = self._slots.pop()[1]
            self._slots.append((slot, counted_before.plus(counted)))
        else:
            self._slots.append((slot, counted))
        self._sum = self._sum.plus(counted)

    def slide(self, now: float, seconds: float) -> None:
        """Forgets what is older than `seconds`."""
        while self._slots and _over(self._slots[0][0], now, seconds):
            self._sum = self._sum.minus(self._slots.popleft()[1])

    def since(self, now: float, seconds: float) -> Tally:
        """What was counted within the last `seconds`, to the length of a slot."""
        counted = self._sum
        for slot, gone in self._slots:
            if not _over(slot, now, seconds):
                break
            counted = counted.minus(gone)
        return counted


def _over(slot: int, now: float, seconds: float) -> bool:
    return (slot + 1) * SLOT_SECONDS <= now - seconds
