"""Latency as people read it."""

import pytest

from mlapi_operator.latency.digest import readable


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0us"),
        (850, "850us"),
        (999, "999us"),
        (1_000, "1.0ms"),
        (4_240, "4.2ms"),
        (9_960, "10ms"),
        (120_400, "120ms"),
        (999_400, "999ms"),
        (999_500, "1.0s"),
        (1_540_000, "1.5s"),
        (62_000_000, "62s"),
    ],
)
def test_duration_has_two_or_three_digits_and_a_unit(microseconds: int, text: str) -> None:
    assert readable(microseconds) == text
