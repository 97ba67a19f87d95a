"""An interval says no more than the values can tell."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.cli.bench.stats import estimate, median

VALUES = st.lists(st.floats(0.01, 100), min_size=1, max_size=40)


@given(VALUES)
def test_estimate_of_any_values_holds_the_median_between_two_of_them(values: list[float]) -> None:
    found = estimate(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert {found.low, found.high} <= set(values)
    assert found.median == median(values)


@given(VALUES, st.randoms(use_true_random=False))
def test_estimate_does_not_depend_on_the_order(values: list[float], rng: random.Random) -> None:
    shuffled = list(values)
    rng.shuffle(shuffled)
    assert estimate(shuffled) == estimate(values)


@pytest.mark.parametrize(("values", "coverage"), [(1, 0.0), (2, 0.5), (5, 0.9375), (6, 0.96875)])
def test_estimate_of_few_values_takes_the_extremes_and_says_what_they_cover(
    values: int, coverage: float
) -> None:
    found = estimate(range(values))
    assert (found.low, found.high, found.coverage) == (0, values - 1, coverage)


def test_estimate_of_eleven_values_leaves_the_outermost_out() -> None:
    # P(2 <= Binomial(11, 1/2) <= 9) = 0.988, and one further in 0.935 is too little.
    found = estimate(range(11))
    assert (found.low, found.high) == (1, 9)
    assert math.isclose(found.coverage, 1 - 2 * 12 / 2**11)


def test_estimate_covers_the_true_median_as_often_as_it_says() -> None:
    rng = random.Random(7)
    trials = 4000
    held = 0
    for _ in range(trials):
        found = estimate([rng.lognormvariate(0, 1) for _ in range(8)])  # its median is 1
        held += found.low <= 1 <= found.high
    claimed = estimate(range(8)).coverage
    assert abs(held / trials - claimed) < 4 * math.sqrt(claimed * (1 - claimed) / trials)


def test_median_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        median([])
