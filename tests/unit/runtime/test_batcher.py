"""The batcher computes together what fits together, and each request gets its own rows or its own error."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mlapi_runtime.batcher import Batcher
from mlapi_runtime.brevity import Brevity
from mlapi_runtime.errors import BadInput, DeadlineExceeded, ModelFailed, Unavailable
from mlapi_runtime.signature import Tensors


class Model:
    """Doubles `x`; notes every call's shape, and waits in the first one until it is let go."""

    def __init__(self, fails: Callable[[Any], bool] = lambda x: False) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.called = threading.Event()
        self.go = threading.Event()
        self._fails = fails

    def __call__(self, inputs: Tensors) -> Tensors:
        x = inputs["x"]
        self.shapes.append(x.shape)
        self.called.set()
        self.go.wait(10)
        if self._fails(x):
            raise ValueError("cannot take this")
        return {"y": 2 * x}


def rows(*values: float, width: int = 1) -> dict[str, Any]:
    return {"x": np.repeat(np.array(values, dtype=np.float32)[:, None], width, axis=1)}


async def started(model: Callable[[Tensors], Tensors], max_rows: int = 8, delay: float = 0.0) -> Batcher:
    batcher = Batcher(model, max_rows, delay)
    batcher.start()
    return batcher


async def busy(model: Model, max_rows: int = 8) -> Batcher:
    """A batcher whose model is held up by a first request, so that the next ones queue."""
    batcher = await started(model, max_rows)
    batcher.submit(rows(0), 1)
    await asyncio.to_thread(model.called.wait)
    return batcher


async def test_what_is_queued_shares_a_call_and_gets_its_own_rows() -> None:
    model = Model()
    batcher = await busy(model)
    futures = [batcher.submit(rows(*values), len(values)) for values in ((1,), (2, 3), (4,))]
    assert batcher.queued == 3
    model.go.set()
    assert [(await future)["y"].ravel().tolist() for future in futures] == [[2], [4, 6], [8]]
    assert model.shapes == [(1, 1), (4, 1)]
    assert batcher.queued == 0


async def test_rows_are_counted_not_requests() -> None:
    model = Model()
    batcher = await busy(model, max_rows=4)
    futures = [batcher.submit(rows(*range(n)), n) for n in (3, 3, 1, 9)]
    model.go.set()
    await asyncio.gather(*futures)
    assert model.shapes == [(1, 1), (3, 1), (4, 1), (9, 1)]


async def test_other_shapes_are_computed_apart() -> None:
    model = Model()
    batcher = await busy(model)
    futures = [batcher.submit(rows(1, width=width), 1) for width in (2, 3, 2)]
    model.go.set()
    assert [(await future)["y"].shape for future in futures] == [(1, 2), (1, 3), (1, 2)]
    assert sorted(model.shapes[1:]) == [(1, 3), (2, 2)]


async def test_bad_item_fails_alone() -> None:
    model = Model(fails=lambda x: bool((x == 13).any()))
    batcher = await busy(model)
    futures = [batcher.submit(rows(value), 1) for value in (1, 13, 2)]
    model.go.set()
    first, bad, last = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(bad, ModelFailed)
    assert "ValueError: cannot take this" in bad.detail
    assert [first["y"].item(), last["y"].item()] == [2, 4]  # type: ignore[index]


async def test_errors_of_the_model_about_values_reach_the_caller_as_they_are() -> None:
    def refuse(inputs: Tensors) -> Tensors:
        raise BadInput("out of range")

    batcher = await started(refuse)
    with pytest.raises(BadInput, match="out of range"):
        await batcher.submit(rows(1), 1)


async def test_cancelled_and_expired_requests_are_never_computed() -> None:
    model = Model()
    batcher = await busy(model)
    left, late, kept = (
        batcher.submit(rows(1), 1),
        batcher.submit(rows(2), 1, time.monotonic()),
        batcher.submit(rows(3), 1),
    )
    left.cancel()
    model.go.set()
    with pytest.raises(DeadlineExceeded):
        await late
    assert (await kept)["y"].item() == 6
    assert model.shapes == [(1, 1), (1, 1)]


async def test_model_without_a_batch_dimension_runs_one_by_one() -> None:
    model = Model()
    batcher = await busy(model, max_rows=1)
    futures = [batcher.submit(rows(value), 1) for value in (1, 2)]
    model.go.set()
    assert [(await future)["y"].item() for future in futures] == [2, 4]
    assert model.shapes == [(1, 1)] * 3


async def test_outputs_that_cannot_be_split_are_computed_singly() -> None:
    go, shapes = threading.Event(), []

    def summed(inputs: Tensors) -> Tensors:
        shapes.append(inputs["x"].shape)
        go.wait(10)
        return {"y": inputs["x"].sum(axis=0)}

    batcher = await started(summed)
    futures = [batcher.submit(rows(value), 1) for value in (0, 1, 2)]
    go.set()
    assert [(await future)["y"].tolist() for future in futures] == [[0], [1], [2]]


async def test_window_waits_for_company_and_no_longer_than_it_is_full() -> None:
    model = Model()
    model.go.set()
    batcher = await started(model, max_rows=2, delay=30.0)
    first = batcher.submit(rows(1), 1)
    await asyncio.sleep(0.05)
    assert model.shapes == []
    second = batcher.submit(rows(2), 1)
    await asyncio.gather(first, second)
    assert model.shapes == [(2, 1)]


async def test_stopped_batcher_finishes_what_is_queued_and_refuses_more() -> None:
    model = Model()
    batcher = await busy(model)
    queued = batcher.submit(rows(1), 1)
    batcher.stop()
    with pytest.raises(Unavailable):
        batcher.submit(rows(2), 1)
    model.go.set()
    assert (await queued)["y"].item() == 2


async def test_predicted_wait_grows_with_the_queue() -> None:
    model = Model()
    batcher = await started(model)
    assert batcher.predicted_wait_seconds == 0
    first = batcher.submit(rows(1), 1)
    await asyncio.sleep(0.05)
    model.go.set()
    await first
    model.go.clear()
    model.called.clear()
    batcher.submit(rows(1), 1)
    await asyncio.to_thread(model.called.wait)
    one = batcher.submit(rows(1), 1)
    after_one = batcher.predicted_wait_seconds
    more = batcher.submit(rows(1, 2, 3), 3)
    assert batcher.predicted_wait_seconds == pytest.approx(4 * after_one)
    assert after_one > 0
    model.go.set()
    await asyncio.gather(one, more)


# Short calls, on the event loop. Time is what the model says that it took.


class Brief:
    """Doubles `x`; each call takes `seconds`, and notes its shape with the thread that it ran in."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.fails: Callable[[Any], bool] = lambda x: False
        self.go = threading.Event()
        self.go.set()
        self.called = threading.Event()
        self.calls: list[tuple[tuple[int, ...], str]] = []
        self._now = 0.0
        self._running = threading.Lock()

    def clock(self) -> float:
        return self._now

    def __call__(self, inputs: Tensors) -> Tensors:
        assert not self._running.locked(), "two calls at a time"
        with self._running:
            x = inputs["x"]
            self.calls.append((x.shape, threading.current_thread().name))
            self.called.set()
            self.go.wait(10)
            self._now += self.seconds
            if self.fails(x):
                raise ValueError("cannot take this")
            return {"y": 2 * x}


LOOP, THREAD = "MainThread", "model"
MOMENT, SHORT, LONG = 20e-6, 150e-6, 1e-3


async def known(model: Brief, *sizes: int, max_rows: int = 8) -> Batcher:
    """A batcher that has met requests of these many rows."""
    batcher = Batcher(model, max_rows, brevity=Brevity(), cpu_clock=model.clock, wall_clock=model.clock)
    batcher.start()
    for size in sizes:
        await batcher.predict(rows(*range(size)), size)
    assert [place for _, place in model.calls] == [THREAD] * len(sizes)
    model.calls.clear()
    return batcher


def values(outputs: Sequence[Any]) -> list[list[float]]:
    return [output["y"].ravel().tolist() for output in outputs]


async def test_call_that_is_but_a_moment_runs_in_the_request_itself() -> None:
    model = Brief(MOMENT)
    batcher = await known(model, 1)
    for _ in range(2):
        asked = batcher.predict(rows(1), 1)
        with pytest.raises(StopIteration, match="array"):
            asked.send(None)
        await asyncio.sleep(0)
    assert model.calls == [((1, 1), LOOP)] * 2
    assert batcher.queued == 0


async def test_calls_of_a_moment_that_come_in_one_turn_are_one_but_for_the_first() -> None:
    model = Brief(MOMENT)
    batcher = await known(model, 1, 3)
    for _ in range(2):
        asked = [batcher.predict(rows(value), 1) for value in (1, 2, 3, 4)]
        assert values(await asyncio.gather(*asked)) == [[2], [4], [6], [8]]
    assert model.calls == [((1, 1), LOOP), ((3, 1), LOOP)] * 2
    assert batcher.queued == 0


async def test_short_calls_of_one_turn_are_one_call_on_the_loop() -> None:
    model = Brief(SHORT)
    batcher = await known(model, 1, 4)
    asked = [batcher.predict(rows(*each), len(each)) for each in ((1,), (2, 3), (4,))]
    assert values(await asyncio.gather(*asked)) == [[2], [4, 6], [8]]
    assert model.calls == [((4, 1), LOOP)]
    assert batcher.queued == 0
    assert batcher.predicted_wait_seconds == 0


async def test_larger_batch_than_was_ever_met_goes_to_the_thread() -> None:
    model = Brief(SHORT)
    batcher = await known(model, 1)
    await asyncio.gather(*(batcher.predict(rows(value), 1) for value in range(4)))
    await asyncio.gather(*(batcher.predict(rows(value), 1) for value in range(4)))
    assert model.calls == [((4, 1), THREAD), ((4, 1), LOOP)]


async def test_no_call_of_the_loop_has_more_rows_than_a_batch_may() -> None:
    model = Brief(SHORT)
    batcher = await known(model, 1, 2, max_rows=2)
    answers = await asyncio.gather(*(batcher.predict(rows(value), 1) for value in range(5)))
    assert values(answers) == [[0], [2], [4], [6], [8]]
    assert model.calls == [((2, 1), LOOP), ((2, 1), LOOP), ((1, 1), LOOP)]


async def test_other_shapes_are_other_calls_on_the_loop_too() -> None:
    model = Brief(SHORT)
    batcher = await known(model, 1, 2, 3, 4)
    asked = [batcher.predict(rows(1, width=width), 1) for width in (2, 2, 3, 2)]
    assert [output["y"].shape for output in await asyncio.gather(*asked)] == [(1, 2), (1, 2), (1, 3), (1, 2)]
    assert model.calls == [((2, 2), LOOP), ((1, 3), LOOP), ((1, 2), LOOP)]


@pytest.mark.parametrize(
    ("usual", "took", "places"),
    [
        # By the wall clock alone it was long: one call in the thread tells that it was another process.
        (MOMENT, [LONG, MOMENT, MOMENT], [LOOP, THREAD, LOOP]),
        (MOMENT, [LONG, LONG, *[MOMENT] * 16, MOMENT], [LOOP, THREAD, *[THREAD] * 16, LOOP]),
        (SHORT, [LONG, *[SHORT] * 16, SHORT], [LOOP, *[THREAD] * 16, LOOP]),
    ],
)
async def test_long_call_sends_the_next_to_the_thread_at_once_and_short_ones_bring_them_back(
    usual: float, took: list[float], places: list[str]
) -> None:
    model = Brief(usual)
    batcher = await known(model, 1)
    for model.seconds in took:
        await batcher.predict(rows(1), 1)
    assert [place for _, place in model.calls] == places


async def test_bad_neighbour_on_the_loop_fails_alone_and_is_found_in_the_thread() -> None:
    model = Brief(SHORT)
    batcher = await known(model, 1, 3)
    model.fails = lambda x: bool((x == 13).any())
    asked = [batcher.predict(rows(value), 1) for value in (1, 13, 2)]
    first, bad, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(bad, ModelFailed)
    assert values([first, last]) == [[2], [4]]
    assert model.calls == [((3, 1), LOOP), ((3, 1), THREAD), *[((1, 1), THREAD)] * 3]
    assert batcher.queued == 0


async def test_call_of_a_moment_that_fails_says_why() -> None:
    model = Brief(MOMENT)
    batcher = await known(model, 1)
    model.fails = lambda x: True
    with pytest.raises(ModelFailed, match="ValueError: cannot take this"):
        await batcher.predict(rows(1), 1)
    assert model.calls == [((1, 1), LOOP)]


@pytest.mark.parametrize("seconds", [MOMENT, SHORT])
async def test_cancelled_and_expired_requests_are_never_computed_on_the_loop(seconds: float) -> None:
    model = Brief(seconds)
    batcher = await known(model, 1)
    left = batcher.submit(rows(1), 1)
    late = batcher.submit(rows(2), 1, time.monotonic())
    left.cancel()
    with pytest.raises(DeadlineExceeded):
        await late
    with pytest.raises(DeadlineExceeded):
        await batcher.predict(rows(3), 1, 0.0)
    assert model.calls == []
    assert batcher.queued == 0


async def test_short_calls_wait_for_the_thread_and_then_share_a_call_on_the_loop() -> None:
    model = Brief(SHORT)
    batcher = await known(model, 1, 2)
    model.go.clear()
    model.called.clear()
    large = batcher.submit(rows(*range(8)), 8)
    await asyncio.to_thread(model.called.wait)
    asked = [asyncio.ensure_future(batcher.predict(rows(value), 1)) for value in (1, 2)]
    await asyncio.sleep(0.01)
    assert batcher.queued == 2
    model.go.set()
    assert values(await asyncio.gather(*asked)) == [[2], [4]]
    assert (await large)["y"].shape == (8, 1)
    assert model.calls == [((8, 1), THREAD), ((2, 1), LOOP)]


async def test_stopped_batcher_finishes_what_waited_for_the_loop() -> None:
    model = Brief(SHORT)
    batcher = await known(model, 1)
    queued = batcher.submit(rows(1), 1)
    batcher.stop()
    assert values([await queued]) == [[2]]
    assert model.calls == [((1, 1), THREAD)]
    with pytest.raises(Unavailable):
        await batcher.predict(rows(1), 1)


async def test_window_keeps_all_calls_off_the_loop() -> None:
    model = Brief(MOMENT)
    batcher = Batcher(model, 2, 1e-3, Brevity(), model.clock, model.clock)
    batcher.start()
    for _ in range(3):
        await batcher.predict(rows(1), 1)
    assert model.calls == [((1, 1), THREAD)] * 3
