"""A window holds what came within its seconds, to the length of a slot, and nothing older."""

from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.latency.tally import Tally
from mlapi_operator.latency.window import SLOT_SECONDS, Window

TALLIES = st.builds(
    Tally,
    success=st.dictionaries(st.integers(54, 508), st.integers(1, 1000), max_size=4),
    client_errors=st.integers(0, 50),
    server_errors=st.integers(0, 50),
)
COUNTED = st.lists(st.tuples(st.floats(0, 40), TALLIES), max_size=40)


def total(tallies: list[Tally]) -> Tally:
    counted = Tally()
    for tally in tallies:
        counted = counted.plus(tally)
    return counted


@given(COUNTED, st.floats(0, 400), st.integers(30, 300), st.integers(30, 300))
def test_window_of_any_history_equals_the_sum_of_its_slots(
    history: list[tuple[float, Tally]], later: float, kept: int, asked: int
) -> None:
    window, now = Window(), 500.0
    added = []
    for pause, tally in history:
        now += pause
        window.slide(now, kept)
        window.add(tally, now)
        added.append((now, tally))
    now += later
    seconds = min(kept, asked)
    fresh = [tally for at, tally in added if (at // SLOT_SECONDS + 1) * SLOT_SECONDS > now - seconds]
    assert window.since(now, seconds) == total(fresh)
    window.slide(now, seconds)
    assert window.since(now, seconds) == total(fresh)
    assert bool(window) == any(tally.requests for tally in fresh)


@given(TALLIES, TALLIES)
def test_tally_of_both_minus_one_is_the_other(one: Tally, other: Tally) -> None:
    assert one.plus(other).minus(other) == one


@given(TALLIES, TALLIES)
def test_tally_that_went_back_counts_nothing_negative(one: Tally, other: Tally) -> None:
    left = one.minus(other)
    assert all(n > 0 for n in left.success.values())
    assert left.client_errors >= 0
    assert left.server_errors >= 0
