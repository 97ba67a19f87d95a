"""Quantiles of buckets stay within 2.2 % of the exact ones, however the requests were spread over pods."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_stats.buckets import FIRST, LAST, bound, index, merge, quantile

IN_RANGE = st.one_of(
    st.integers(10, 3_600_000_000),
    st.floats(1, 9.55).map(lambda exponent: max(10, int(10**exponent))),
)


def histogram(durations: list[int]) -> dict[int, int]:
    return merge({index(duration): 1} for duration in durations)


@given(st.lists(IN_RANGE, min_size=1, max_size=300), st.integers(1, 99))
def test_quantile_of_any_durations_is_within_its_bound(durations: list[int], percent: int) -> None:
    exact = sorted(durations)[math.ceil(percent * len(durations) / 100) - 1]
    assert abs(quantile(histogram(durations), percent) - exact) <= 0.022 * exact + 0.5


@given(IN_RANGE)
def test_index_of_a_duration_covers_it(microseconds: int) -> None:
    i = index(microseconds)
    assert FIRST <= i <= LAST
    assert bound(i - 1) < microseconds <= bound(i)


@pytest.mark.parametrize("power", range(4, 32))
def test_index_of_a_bucket_bound_is_that_bucket(power: int) -> None:
    assert index(2**power) == 16 * power
    assert index(2**power + 1) > 16 * power


@pytest.mark.parametrize(
    ("microseconds", "expected"), [(-5, FIRST), (0, FIRST), (1, FIRST), (10, FIRST), (2**40, LAST)]
)
def test_index_out_of_range_is_clamped(microseconds: int, expected: int) -> None:
    assert index(microseconds) == expected


@given(st.lists(st.lists(IN_RANGE, max_size=40), max_size=6))
def test_merge_of_pods_equals_one_histogram_of_all(pods: list[list[int]]) -> None:
    together = [duration for pod in pods for duration in pod]
    assert merge(histogram(pod) for pod in pods) == histogram(together)


def test_quantile_of_nothing_is_unknown() -> None:
    assert quantile({}, 50) == -1
    assert quantile({100: 0}, 50) == -1


@pytest.mark.parametrize("percent", [0, 100, -1])
def test_quantile_out_of_range_is_refused(percent: int) -> None:
    with pytest.raises(ValueError, match=f"percent: {percent} is not within 1 to 99"):
        quantile({100: 1}, percent)
