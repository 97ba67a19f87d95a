"""A token bucket."""

from collections.abc import Callable


class Budget:
    """So many a second over the long run, at most a second's worth at once.

    Args:
        monotonic: seconds, never set back.
    """

    def __init__(self, per_second: float, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._monotonic = monotonic
        self._tokens = max(per_second, 1.0)
        self._at = monotonic()

    def take(self) -> bool:
        """Spends one, if one is there."""
        now = self._monotonic()
        self._tokens = min(self._tokens + (now - self._at) * self._per_second, max(self._per_second, 1.0))
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
