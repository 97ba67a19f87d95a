"""Every server meets the floor on each route that it has, in an order that is turned round."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.cli.bench.plan import Meeting, connections, meetings, turns

NAMES = st.lists(st.text("abc", min_size=1), min_size=1, max_size=5, unique=True)


@given(NAMES, st.integers(1, 12))
def test_turns_give_every_server_one_window_each_time(servers: list[str], count: int) -> None:
    orders = list(turns(servers, count))
    assert len(orders) == count
    assert all(sorted(order) == sorted(servers) for order in orders)
    assert all(after == before[::-1] for before, after in pairwise(orders))


def test_meetings_put_what_serves_the_same_route_beside_the_floor() -> None:
    found = list(
        meetings("floor", ["hand", "ours"], {"hand": ["native"], "ours": ["native", "json"]}, (1, 32))
    )
    assert found == [
        Meeting("native", 1, ("floor", "hand", "ours")),
        Meeting("native", 32, ("floor", "hand", "ours")),
        Meeting("json", 1, ("floor", "ours")),
        Meeting("json", 32, ("floor", "ours")),
    ]


def test_connections_for_large_bodies_are_few() -> None:
    assert max(connections([1_500_000, 48])) < max(connections([48, 151]))
