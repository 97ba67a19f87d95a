"""The deadline counts from the last progress, and stands still while nothing can be done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mlapi_operator.observe.containers import Container, Termination
from mlapi_operator.observe.pods import Pod
from mlapi_operator.rollout.deadline import FOR_EVER, overdue_in

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "digits-2"


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def left(*pods: Pod, now: float = 100, fetched_at: datetime | None = None, watched: float = 0) -> float:
    return overdue_in(
        pods,
        NAME,
        began=(BEGAN, None),
        fetched_at=fetched_at,
        watched_since=at(watched),
        deadline_seconds=60,
        now=at(now),
    )


def pod(**members: Any) -> Pod:
    return Pod(**{"name": "p", "revision": NAME, "created_at": at(1), **members})


def test_deadline_without_any_pod_counts_from_the_beginning() -> None:
    assert left(now=59) == 1
    assert left() == -40


def test_deadline_counts_from_the_last_step_of_a_pod() -> None:
    assert left(pod()) == -39
    assert left(pod(scheduled_at=at(50))) == 10
    assert left(pod(fetch=Container("fetch", running_since=at(60)))) == 20
    ended = Termination(0, "Completed", "", at(60), at(70))
    assert left(pod(fetch=Container("fetch", ended=ended))) == 30
    assert left(pod(server=Container("server", running_since=at(80)))) == 40
    assert left(pod(ready_at=at(90))) == 50


def test_deadline_stands_still_while_a_pod_finds_no_node() -> None:
    assert left(pod(unschedulable="0/1 nodes are available"), now=10**6) == FOR_EVER
    assert left(pod(gated=True), now=10**6) == FOR_EVER
    assert left(replace(pod(unschedulable="x"), revision="digits-1")) < 0, "another's troubles are no excuse"


def test_deadline_stands_still_while_the_old_pods_take_their_time_to_end() -> None:
    assert left(Pod("old", "digits-1", gone=True), now=10**6) == FOR_EVER
    assert left(Pod("old", "digits-1")) < 0


def test_container_that_is_started_again_and_again_is_no_progress() -> None:
    failing = Container("server", running_since=at(99), restarts=4)
    assert left(pod(server=failing)) == -39
    failed = Termination(65, "Error", "", at(60), at(99))
    assert left(pod(fetch=Container("fetch", ended=failed))) == 20


def test_bytes_that_come_are_progress_and_so_is_not_knowing_whether_they_do() -> None:
    fetching = pod(fetch=Container("fetch", running_since=at(5)))
    assert left(fetching) == -35
    assert left(fetching, fetched_at=at(95)) == 55
    assert left(fetching, watched=99) == 59
    assert left(pod(), fetched_at=at(95), watched=99) == -39
