"""Figures as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from mlapi_operator.cli import words
from mlapi_operator.observe.times import timestamp

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (864_000, "10d"),
    ],
)
def test_age_is_in_the_largest_unit_that_it_fills_twice(seconds: int, shown: str) -> None:
    assert words.age(timestamp(NOW - timedelta(seconds=seconds)), NOW) == shown


def test_age_of_no_time_is_not_known() -> None:
    assert words.age(None, NOW) == "-"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (-1, "-"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (12_400_000, "12.4 MB"),
        (998_900_000, "999 MB"),
        (999_600_000, "1.0 GB"),
        (80_000_000_000_000, "80.0 TB"),
    ],
)
def test_size_has_three_digits_and_a_unit(count: int, shown: str) -> None:
    assert words.size(count) == shown


def test_figures_that_are_unknown_or_left_out_are_dashes() -> None:
    assert words.figures({"requests": -1, "p50Microseconds": -1}) == ["-", "-", "-", "-"]
    found = {"requests": 12_000, "p50Microseconds": 850, "p95Microseconds": 4200, "errorPercent": 0}
    assert words.figures(found) == ["12,000", "850us", "4.2ms", "0 %"]
