"""One core for the server, another for the client: requests per second are then those of one core."""

import os
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlapi_operator.cli.problem import Problem

TOPOLOGY: Final = Path("/sys/devices/system/cpu")


class TooFewCores(Problem):
    """Server and client would share a core."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Numbers of logical CPUs; `siblings` when both are threads of one physical core."""

    server: int
    client: int
    siblings: bool


def choose(allowed: Set[int], siblings: Mapping[int, Set[int]]) -> Cores:
    """The first CPU for the server, and for the client the next that shares no physical core with it.

    Args:
        allowed: CPUs that this process may use.
        siblings: of each CPU, those of the same physical core.
    Raises:
        TooFewCores: there are no two.
    """
    if len(allowed) < 2:
        raise TooFewCores(
            f"found {len(allowed)} CPU that this process may use, wanted 2: one for the server and one for "
            "the client; run it on a machine with more, or with a wider taskset or cpuset"
        )
    server, *others = sorted(allowed)
    apart = [cpu for cpu in others if cpu not in siblings.get(server, set())]
    return Cores(server, (apart or others)[0], siblings=not apart)


def of_this_machine() -> Cores:
    """
    Raises:
        TooFewCores: as `choose`.
    """
    allowed = os.sched_getaffinity(0)
    return choose(allowed, {cpu: _siblings(cpu) for cpu in allowed})


@contextmanager
def on(core: int) -> Iterator[None]:
    """Keeps this thread, and the processes that it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _siblings(cpu: int) -> set[int]:
    try:
        text = (TOPOLOGY / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text()
    except OSError:  # a kernel without topology: each CPU by itself
        return {cpu}
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found
