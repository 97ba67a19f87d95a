"""A key waits once, is worked on by one worker at a time, and comes back when it must."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from mlapi_operator import queue as queue_module
from mlapi_operator.api.types import Key
from mlapi_operator.protocol import NotLeading, Unavailable
from mlapi_operator.queue import BACKOFF_LIMIT_SECONDS, Queue, backoff
from tests.support.clock import SteppedClock, settle

A, B = ("team-a", "a"), ("team-a", "b")


class Work:
    """A reconcile that notes when it ran, and does what it is told."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.ran: list[tuple[Key, float]] = []
        self.answer: Callable[[Key], Awaitable[float | None]] = self._done

    async def _done(self, key: Key) -> float | None:
        return None

    async def __call__(self, key: Key) -> float | None:
        self.ran.append((key, self.clock.monotonic()))
        return await self.answer(key)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(queue_module, "JITTER", 0.0)
    return Work()


@asynccontextmanager
async def running(work: Work, workers: int = 2) -> AsyncIterator[Queue]:
    queue = Queue(work, workers, work.clock)
    task = asyncio.create_task(queue.run())
    await settle()
    yield queue
    queue.close()
    await asyncio.wait_for(task, 10)


async def test_key_added_several_times_before_it_runs_runs_once(work: Work) -> None:
    async with running(work) as queue:
        for _ in range(5):
            queue.add(A)
        queue.add(B)
        await settle()
        assert work.ran == [(A, 0), (B, 0)]


async def test_key_added_while_it_runs_runs_again_afterwards_and_never_beside_itself(work: Work) -> None:
    gate = asyncio.Event()
    running_now: list[int] = []

    async def slow(key: Key) -> None:
        running_now.append(1)
        assert len(running_now) == 1
        await gate.wait()
        running_now.pop()

    work.answer = slow
    async with running(work, workers=3) as queue:
        queue.add(A)
        await settle()
        for _ in range(3):
            queue.add(A)
        await settle()
        assert len(work.ran) == 1
        gate.set()
        await settle()
        assert len(work.ran) == 2


async def test_keys_beyond_the_workers_wait_in_order(work: Work) -> None:
    gate = asyncio.Event()

    async def slow(key: Key) -> None:
        await gate.wait()

    work.answer = slow
    async with running(work, workers=1) as queue:
        for name in "cab":
            queue.add(("n", name))
        await settle()
        assert len(work.ran) == 1
        gate.set()
        await settle()
        assert [key[1] for key, _ in work.ran] == ["c", "a", "b"]


async def test_add_after_with_several_deadlines_keeps_the_earliest(work: Work) -> None:
    async with running(work) as queue:
        queue.add_after(A, 30)
        queue.add_after(A, 10)
        queue.add_after(A, 20)
        await work.clock.run(60)
        assert work.ran == [(A, 10)]


async def test_answer_in_seconds_brings_the_key_back_then(work: Work) -> None:
    async def again(key: Key) -> float | None:
        return 5.0 if len(work.ran) < 3 else None

    work.answer = again
    async with running(work) as queue:
        queue.add(A)
        await work.clock.run(60)
        assert [at for _, at in work.ran] == [0, 5, 10]


async def test_failure_brings_the_key_back_after_growing_delays_and_success_resets_them(work: Work) -> None:
    failing = True

    async def answer(key: Key) -> None:
        if failing:
            raise RuntimeError("broken")

    work.answer = answer
    async with running(work) as queue:
        queue.add(A)
        await work.clock.run(1.75)
        assert [at for _, at in work.ran] == [0, 0.25, 0.75, 1.75]
        failing = False
        await work.clock.run(10)
        assert work.ran[-1] == (A, 3.75)
        failing = True
        queue.add(A)
        await work.clock.run(0.25)
        assert [at for _, at in work.ran[-2:]] == [11.75, 12.0]


async def test_failure_with_retry_after_deep_in_its_causes_waits_for_that_long(work: Work) -> None:
    async def refuse(key: Key) -> None:
        if len(work.ran) > 1:
            return
        try:
            raise Unavailable("listing Pod", 429, "TooManyRequests", "later", retry_after=7)
        except Unavailable as error:
            raise RuntimeError("children") from error

    work.answer = refuse
    async with running(work) as queue:
        queue.add(A)
        await work.clock.run(60)
        assert [at for _, at in work.ran] == [0, 7]


async def test_failure_of_one_key_does_not_hold_up_another(work: Work) -> None:
    async def answer(key: Key) -> None:
        if key == A:
            raise RuntimeError("broken")

    work.answer = answer
    async with running(work, workers=1) as queue:
        queue.add(A)
        queue.add(B)
        await settle()
        assert [key for key, _ in work.ran] == [A, B]


async def test_event_during_the_delay_after_a_failure_runs_at_once(work: Work) -> None:
    async def answer(key: Key) -> None:
        if len(work.ran) == 1:
            raise Unavailable("listing Pod", 429, "", "later", retry_after=100)

    work.answer = answer
    async with running(work) as queue:
        queue.add(A)
        await work.clock.run(1)
        queue.add(A)
        await settle()
        assert [at for _, at in work.ran] == [0, 1]


async def test_lost_lease_is_no_failure_and_nothing_is_tried_again(work: Work) -> None:
    async def answer(key: Key) -> None:
        raise NotLeading

    work.answer = answer
    async with running(work) as queue:
        queue.add(A)
        await work.clock.run(600)
        assert len(work.ran) == 1


async def test_close_waits_for_the_key_being_worked_on_and_starts_no_other(work: Work) -> None:
    gate = asyncio.Event()

    async def slow(key: Key) -> None:
        await gate.wait()

    work.answer = slow
    queue = Queue(work, 1, work.clock)
    task = asyncio.create_task(queue.run())
    queue.add(A)
    queue.add(B)
    await settle()
    queue.close()
    await settle()
    assert not task.done()
    assert queue.oldest_seconds() == 0
    work.clock.advance(5)
    assert queue.oldest_seconds() == 5
    gate.set()
    await asyncio.wait_for(task, 10)
    assert [key for key, _ in work.ran] == [A]


def test_backoff_of_many_failures_is_bounded() -> None:
    assert [backoff(n) for n in (0, 1, 2, 9, 10, 10_000)] == [0.25, 0.5, 1.0, BACKOFF_LIMIT_SECONDS, 120, 120]
