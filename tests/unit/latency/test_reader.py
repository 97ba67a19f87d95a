"""Requests are counted once: over restarts, rollouts, lost pods and a change of leader."""

import random
from dataclasses import replace

import pytest

from mlapi_operator.latency.progress import Progress
from mlapi_operator.latency.reader import Latencies
from mlapi_operator.latency.target import Target
from mlapi_stats.buckets import index, merge
from mlapi_stats.document import Series, Stats
from tests.support.clock import SteppedClock

UID, WINDOW = "uid-digits", 300


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def latencies(clock: SteppedClock) -> Latencies:
    return Latencies(clock, writes_per_second=5)


def stats(
    clock: SteppedClock, durations: list[int], *, errors: int = 0, revision: str = "digits-1", age: float = 5
) -> Stats:
    """A document with one series of answers and one of failures, of a server that is `age` seconds old."""
    success = merge({index(duration): 1} for duration in durations)
    return Stats(
        revision=revision,
        start_time=clock().timestamp() - age,
        model_loaded=True,
        in_flight=0,
        queued=0,
        capacity=100,
        loop_lag_microseconds=0,
        rejected=7,
        series=(
            Series("predict", "2xx", len(durations), sum(durations), success),
            Series("infer", "5xx", errors, errors, {60: errors} if errors else {}),
        ),
    )


def serving(*pods: str) -> list[Target]:
    return [Target(pod, pod, "digits-1", "10.244.0.9", "Stats", ending=False) for pod in pods]


def test_total_of_pods_read_again_counts_each_request_once(clock: SteppedClock, latencies: Latencies) -> None:
    first = stats(clock, [1000] * 30)
    latencies.record(UID, "a", first, WINDOW)
    clock.advance(10)
    grown = replace(stats(clock, [1000] * 30 + [9000] * 70, errors=25), start_time=first.start_time)
    latencies.record(UID, "a", grown, WINDOW)
    latencies.record(UID, "b", stats(clock, [1000] * 100), WINDOW)
    total = latencies.total(UID, WINDOW)
    assert (total.requests, total.error_percent, total.pods_sampled) == (225, 11, 2)
    assert total.requests_per_minute == 45
    assert abs(total.p50_microseconds - 1000) <= 22
    assert abs(total.p95_microseconds - 9000) <= 198
    assert total.sampled_at == clock()


def test_total_of_a_restarted_server_keeps_what_it_had_counted(
    clock: SteppedClock, latencies: Latencies
) -> None:
    latencies.record(UID, "a", stats(clock, [1000] * 40), WINDOW)
    clock.advance(20)
    latencies.record(UID, "a", stats(clock, [1000] * 3), WINDOW)
    assert latencies.total(UID, WINDOW).requests == 43


def test_total_of_a_pod_that_is_gone_keeps_its_counts_until_the_window_slid(
    clock: SteppedClock, latencies: Latencies
) -> None:
    latencies.record(UID, "a", stats(clock, [1000] * 40), WINDOW)
    latencies.keep(UID, {"b"}, serving("b"), WINDOW)
    latencies.record(UID, "b", stats(clock, [1000]), WINDOW)
    assert (latencies.total(UID, WINDOW).requests, latencies.total(UID, WINDOW).pods_sampled) == (41, 1)
    clock.advance(WINDOW + 5)
    latencies.keep(UID, {"b"}, serving("b"), WINDOW)
    assert latencies.total(UID, WINDOW).requests == 0
    assert latencies.total(UID, WINDOW).p95_microseconds == -1


def test_total_of_a_pod_not_read_for_a_while_does_not_count_it_again(
    clock: SteppedClock, latencies: Latencies
) -> None:
    document = stats(clock, [1000] * 40)
    latencies.record(UID, "a", document, WINDOW)
    latencies.keep(UID, {"a"}, [], WINDOW)
    assert latencies.total(UID, WINDOW).pods_sampled == 0
    latencies.record(UID, "a", document, WINDOW)
    assert (latencies.total(UID, WINDOW).requests, latencies.total(UID, WINDOW).pods_sampled) == (40, 1)


def test_total_after_a_change_of_leader_is_unknown_until_requests_come(
    clock: SteppedClock, latencies: Latencies
) -> None:
    old = stats(clock, [1000] * 40, age=86400)
    latencies.record(UID, "a", old, WINDOW)
    assert latencies.total(UID, WINDOW).sampled_at is None
    assert latencies.total(UID, WINDOW).requests == -1
    clock.advance(10)
    latencies.record(UID, "a", replace(stats(clock, [1000] * 42), start_time=old.start_time), WINDOW)
    assert latencies.total(UID, WINDOW).requests == 2


def test_total_a_window_after_a_change_of_leader_knows_that_nothing_came(
    clock: SteppedClock, latencies: Latencies
) -> None:
    old = stats(clock, [1000] * 40, age=86400)
    for _ in range(31):
        latencies.record(UID, "a", old, WINDOW)
        clock.advance(10)
    assert latencies.total(UID, WINDOW).requests == 0


def test_digests_during_a_rollout_are_apart_by_revision(clock: SteppedClock, latencies: Latencies) -> None:
    latencies.record(UID, "a", stats(clock, [1000] * 40), WINDOW)
    latencies.record(UID, "b", stats(clock, [4000] * 10, revision="digits-2"), WINDOW)
    found = latencies.digests(UID, WINDOW)
    assert {name: (each.requests, each.pods_sampled) for name, each in found.items()} == {
        "digits-1": (40, 1),
        "digits-2": (10, 1),
    }
    assert found["digits-2"].p50_microseconds > 3900
    latencies.keep(UID, {"b"}, serving("b"), WINDOW)
    clock.advance(WINDOW + 5)
    latencies.keep(UID, {"b"}, serving("b"), WINDOW)
    assert list(latencies.digests(UID, WINDOW)) == ["digits-2"]


def test_total_of_an_mlapi_never_read_is_unknown(latencies: Latencies) -> None:
    assert latencies.total("other", WINDOW).sampled_at is None
    assert latencies.digests("other", WINDOW) == {}
    assert latencies.progress("other") is None


def test_total_knows_that_traffic_stopped_once_every_pod_was_read_again(
    clock: SteppedClock, latencies: Latencies
) -> None:
    a, b = stats(clock, [1000]), stats(clock, [1000])
    latencies.record(UID, "a", a, WINDOW)
    clock.advance(3)
    latencies.record(UID, "b", b, WINDOW)
    last = clock()
    clock.advance(7)
    latencies.record(UID, "a", a, WINDOW)
    assert latencies.total(UID, WINDOW).stopped_at is None
    clock.advance(3)
    latencies.record(UID, "b", b, WINDOW)
    assert latencies.total(UID, WINDOW).stopped_at == last


def test_total_with_pods_that_all_went_silent_does_not_claim_that_traffic_stopped(
    clock: SteppedClock, latencies: Latencies
) -> None:
    latencies.record(UID, "a", stats(clock, [1000]), WINDOW)
    latencies.record_silence(UID, "a")
    total = latencies.total(UID, WINDOW)
    assert (total.stopped_at, total.pods_sampled) == (None, 0)


def test_total_of_many_pods_is_within_its_bound_of_the_exact_quantiles(
    clock: SteppedClock, latencies: Latencies
) -> None:
    draw = random.Random(7)
    everything: list[int] = []
    for pod in range(12):
        documents: list[int] = []
        start = clock().timestamp()
        for _ in range(5):
            documents += [int(draw.lognormvariate(8 + pod / 6, 0.7)) + 10 for _ in range(100)]
            clock.advance(1)
            document = replace(stats(clock, documents), start_time=start)
            latencies.record(UID, str(pod), document, WINDOW)
        everything += documents
    total = latencies.total(UID, WINDOW)
    assert total.requests == 6000
    everything.sort()
    for percent, found in (
        (50, total.p50_microseconds),
        (95, total.p95_microseconds),
        (99, total.p99_microseconds),
    ):
        exact = everything[len(everything) * percent // 100 - 1]
        assert abs(found - exact) <= 0.022 * exact + 0.5


def test_keep_only_forgets_mlapis_that_are_gone(clock: SteppedClock, latencies: Latencies) -> None:
    latencies.record(UID, "a", stats(clock, [1000]), WINDOW)
    latencies.keep_only({"another"})
    assert latencies.total(UID, WINDOW).sampled_at is None


def test_fetched_at_moves_with_bytes_that_no_try_had_before(
    clock: SteppedClock, latencies: Latencies
) -> None:
    def fetched(done: int) -> None:
        clock.advance(10)
        latencies.record_progress(UID, Progress("digits-a", "Downloading", done, 1000, 10, 10))

    assert latencies.fetched_at(UID) is None
    fetched(100)
    began = latencies.fetched_at(UID)
    assert began == clock()
    for done in (100, 0, 50):  # stalled, and begun anew
        fetched(done)
        assert latencies.fetched_at(UID) == began
    fetched(101)
    assert latencies.fetched_at(UID) == clock()


def test_digest_of_the_last_seconds_holds_the_exact_number_of_errors(
    clock: SteppedClock, latencies: Latencies
) -> None:
    first = stats(clock, [1000] * 300, errors=1)
    latencies.record(UID, "a", first, WINDOW)
    clock.advance(60)
    latencies.record(
        UID, "a", replace(stats(clock, [1000] * 400, errors=4), start_time=first.start_time), WINDOW
    )
    found = latencies.digests(UID, 30)["digits-1"]
    assert (found.requests, found.errors, found.error_percent) == (103, 3, 3)
