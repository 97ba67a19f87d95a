"""Ratios compare windows of the same turn alone."""

import pytest

from mlapi_operator.cli.bench.figures import failed, figures
from mlapi_operator.cli.bench.record import Block, Window


def window(server: str, turn: int, requests: int, cpu: float = 1.0, **errors: int) -> Window:
    return Window(
        server=server,
        turn=turn,
        requests=requests,
        seconds=1.0,
        cpu_seconds=cpu,
        p50_microseconds=1000,
        p99_microseconds=9000,
        errors=errors,
    )


def block(*windows: Window) -> Block:
    return Block(
        model="linear",
        route="native",
        body_bytes=48,
        connections=32,
        servers=list(dict.fromkeys(each.server for each in windows)),
        windows=list(windows),
    )


def test_figures_of_a_machine_that_slows_down_are_those_within_each_turn() -> None:
    # The machine halves its speed twice; the server is always half as fast as the floor, at thrice the cost.
    found = list(
        figures(
            block(
                *(window("floor", turn, 8000 >> turn, cpu=1.0) for turn in range(3)),
                *(window("ours", 2 - turn, 4000 >> (2 - turn), cpu=1.5) for turn in range(3)),
            )
        )
    )
    (figure,) = found
    assert figure.requests_ratio is not None
    assert figure.cpu_ratio is not None
    assert (figure.requests_ratio.low, figure.requests_ratio.high) == (0.5, 0.5)
    assert (figure.cpu_ratio.low, figure.cpu_ratio.high) == (3.0, 3.0)
    assert figure.requests_per_second == 2000
    assert figure.cpu_microseconds == pytest.approx(750)
    assert (figure.p50_milliseconds, figure.p99_milliseconds) == (1.0, 9.0)


def test_figures_of_three_servers_compare_the_last_with_each_before() -> None:
    found = figures(block(window("floor", 0, 100), window("hand", 0, 40), window("ours", 0, 50)))
    assert [(figure.server, figure.against) for figure in found] == [
        ("hand", "floor"),
        ("ours", "floor"),
        ("ours", "hand"),
    ]


def test_figures_of_a_server_that_answered_nothing_are_left_open_and_its_errors_counted() -> None:
    silent = block(window("floor", 0, 100), window("ours", 0, 0, status=7, timeout=2))
    (figure,) = figures(silent)
    assert (figure.requests_ratio, figure.cpu_ratio, figure.cpu_microseconds) == (None, None, None)
    assert figure.errors == 9
    assert failed([silent]) == 9
