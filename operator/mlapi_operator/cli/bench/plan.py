"""Who meets whom, on which route, with how many connections; and in which order. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlapi_operator.cli.bench.record import Route

# A body of which one is a CPU's work of milliseconds: more clients would only wait.
LARGE_BYTES: Final = 100_000
CONNECTIONS: Final = (1, 32, 100)
CONNECTIONS_LARGE: Final = (1, 8)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Servers to take turns; the first is what the others are compared with."""

    route: Route
    connections: int
    servers: tuple[str, ...]


def connections(body_bytes: Iterable[int]) -> tuple[int, ...]:
    """How many clients, by the size of the bodies that they send."""
    return CONNECTIONS_LARGE if max(body_bytes) >= LARGE_BYTES else CONNECTIONS


def meetings(
    floor: str, others: Sequence[str], routes: Mapping[str, Sequence[Route]], clients: Sequence[int]
) -> Iterator[Meeting]:
    """Route by route.

    Args:
        others: servers that are up beside the floor.
        routes: what each of them serves.
    """
    for route in dict.fromkeys(route for server in others for route in routes[server]):
        serving = tuple(server for server in others if route in routes[server])
        for count in clients:
            yield Meeting(route, count, (floor, *serving))


def turns(servers: Sequence[str], count: int) -> Iterator[tuple[str, ...]]:
    """The order of the windows, turned round each time: what drifts meets all of them alike."""
    for turn in range(count):
        yield tuple(servers if turn % 2 == 0 else reversed(servers))
