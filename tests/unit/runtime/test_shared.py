"""Counters are shared by fork, summed over the slots, and survive the worker that counted."""

import os

import pytest

from mlapi_runtime import health
from mlapi_runtime.config import Config, parse
from mlapi_runtime.shared import HEARTBEAT, READY, STATE, STOPPING, Shared, series_of
from mlapi_runtime.stats import stats
from mlapi_stats.buckets import index
from mlapi_stats.document import decode, encode

SECOND = 10**9
CONFIG: Config = parse(
    {
        "MLAPI_CONFIG": '{"revision":"r-1a2b3c4d","framework":"FastAPI","model":{"name":"r","format":"ONNX",'
        '"path":"/models/m.onnx"},"serving":{"workers":2,"maxConcurrency":101,"requestTimeoutSeconds":60,'
        '"maxRequestBytes":100,"batching":{"maxSize":32,"maxDelayMilliseconds":0},"warmupRequests":1},'
        '"logRequests":"None","drainSeconds":10}'
    }
)


def in_child(work: "os.PathLike[str] | object", *arguments: object) -> None:
    """Runs a function in a forked process, as a worker would."""
    pid = os.fork()
    if pid == 0:
        work(*arguments)  # type: ignore[operator]
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_counts_of_all_workers_dead_or_alive_are_summed() -> None:
    shared = Shared(2)

    def work(number: int, durations: list[int]) -> None:
        slot = shared.slots[number]
        slot.begin(1)
        for microseconds in durations:
            slot.count(series_of("infer", 200), index(microseconds), microseconds)
        slot.count(series_of("predict", 504), index(7), 7)

    in_child(work, 0, [100, 200])
    shared.slots[0].end()
    in_child(work, 0, [100])
    in_child(work, 1, [100, 5_000_000])
    document = decode(encode(stats(CONFIG, shared, 12.5)))
    series = {(entry.route, entry.status): entry for entry in document.series}
    assert series["infer", "2xx"].buckets == {index(100): 3, index(200): 1, index(5_000_000): 1}
    assert series["infer", "2xx"].sum_microseconds == 5_000_500
    assert series["predict", "5xx"].count == 3
    assert (document.revision, document.start_time, document.capacity) == ("r-1a2b3c4d", 12.5, 102)
    assert not document.model_loaded


def test_first_cause_is_kept() -> None:
    shared = Shared(1)

    def work() -> None:
        shared.cause = "the model is no model"

    in_child(work)
    shared.cause = "a worker exited with code 3"
    assert shared.cause == "the model is no model"
    endless = Shared(1)
    endless.cause = "x" * 10_000
    assert endless.cause == "x" * 4088


@pytest.mark.parametrize(
    ("age_seconds", "states", "dead", "unready", "unstarted"),
    [
        (1, (READY, READY), False, False, False),
        (1, (READY, 1), False, False, True),
        (1, (1, 1), False, True, True),
        (11, (READY, READY), False, True, False),
        (61, (READY, READY), True, True, False),
        (61, (0, 0), False, True, True),
    ],
)
def test_probes_judge_heartbeat_and_state(
    age_seconds: int, states: tuple[int, int], dead: bool, unready: bool, unstarted: bool
) -> None:
    shared = Shared(2)
    for slot, state in zip(shared.slots, states, strict=True):
        slot.begin(0)
        slot.cells[STATE], slot.cells[HEARTBEAT] = state, 0
    now = age_seconds * SECOND
    assert bool(health.dead(shared, now)) == dead
    assert bool(health.unready(shared, now)) == unready
    assert bool(health.unstarted(shared)) == unstarted


def test_pod_that_stops_is_not_ready() -> None:
    shared = Shared(1)
    shared.slots[0].begin(0)
    shared.slots[0].cells[STATE] = READY
    shared.cells[STOPPING] = 1
    assert health.unready(shared, 0) == "stopping"
