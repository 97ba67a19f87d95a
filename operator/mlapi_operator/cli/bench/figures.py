"""What the windows tell: one server beside another, under the same load at the same time. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlapi_operator.cli.bench.record import Block, Window
from mlapi_operator.cli.bench.stats import Estimate, estimate, median


@dataclass(frozen=True, slots=True)
class Figure:
    """One server against another.

    Args:
        requests_ratio: of requests per second, above 1 is faster; None when a window answered nothing.
        cpu_ratio: of CPU time per request, below 1 is cheaper; None as before.
        p50_milliseconds, p99_milliseconds: medians of those of the windows.
        errors: of all windows.
    """

    server: str
    against: str
    connections: int
    requests_ratio: Estimate | None
    cpu_ratio: Estimate | None
    requests_per_second: float
    cpu_microseconds: float | None
    p50_milliseconds: float
    p99_milliseconds: float
    errors: int


def figures(block: Block) -> Iterator[Figure]:
    """Every server against the first, then each of the later ones against the others before it."""
    for i, against in enumerate(block.servers):
        for server in block.servers[i + 1 :]:
            yield figure(block, server, against)


def figure(block: Block, server: str, against: str) -> Figure:
    mine, theirs = _of(block, server), _of(block, against)
    pairs = [(mine[turn], theirs[turn]) for turn in sorted(mine.keys() & theirs.keys())]
    windows = list(mine.values())
    answered = all(a.requests and b.requests for a, b in pairs)
    measurable = answered and all(b.cpu_seconds > 0 for _, b in pairs)
    return Figure(
        server=server,
        against=against,
        connections=block.connections,
        requests_ratio=estimate([_rate(a) / _rate(b) for a, b in pairs]) if answered else None,
        cpu_ratio=estimate([_cost(a) / _cost(b) for a, b in pairs]) if measurable else None,
        requests_per_second=median([_rate(window) for window in windows]),
        cpu_microseconds=median([_cost(window) * 1e6 for window in windows]) if answered else None,
        p50_milliseconds=median([window.p50_microseconds / 1000 for window in windows]),
        p99_milliseconds=median([window.p99_microseconds / 1000 for window in windows]),
        errors=sum(sum(window.errors.values()) for window in windows),
    )


def _of(block: Block, server: str) -> dict[int, Window]:
    return {window.turn: window for window in block.windows if window.server == server}


def _rate(window: Window) -> float:
    return window.requests / window.seconds


def _cost(window: Window) -> float:
    return window.cpu_seconds / window.requests


def failed(blocks: Sequence[Block]) -> int:
    """Requests without an answer of status 2xx or 3xx."""
    return sum(sum(window.errors.values()) for block in blocks for window in block.windows)
