"""Greedy dynamic batching: one thread runs the model, and takes what is queued whenever it is free.

No window by default: an idle model answers at once, a busy one finds its next batch waiting.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue

import msgspec
import numpy as np

from mlapi_runtime.errors import DeadlineExceeded, ModelFailed, ServingError, Unavailable
from mlapi_runtime.signature import Tensors, Values

Run = Callable[[Values], Values]
SMOOTHING = 0.2  # weight of the newest batch in the mean time per row


class Item(msgspec.Struct, eq=False):
    """One request's rows. `deadline` as of `time.monotonic`."""

    inputs: Values
    rows: int
    deadline: float
    future: asyncio.Future[Values]


Outcome = tuple[Item, Values | ServingError]


class Batcher:
    """Queue and model thread of one worker.

    Args:
        run: the model; called in the batcher's thread alone.
        max_rows: rows that share a call at most; 1 runs every request by itself.
        max_delay_seconds: how long a batch that is not full waits for more.
    """

    def __init__(self, run: Run, max_rows: int, max_delay_seconds: float = 0.0) -> None:
        self._run = run
        self._max_rows = max_rows
        self._max_delay = max_delay_seconds
        self._fresh: list[Item] = []  # of this turn of the loop
        self._queue: SimpleQueue[list[Item] | None] = SimpleQueue()
        self._backlog: deque[Item] = deque()  # handed over, and not yet in a batch; the thread's own
        self._ended = False
        self._open = False
        # One writer each, so that no count is lost: submitted by the loop, taken by the model's thread.
        self._submitted = self._submitted_rows = 0
        self._taken = self._taken_rows = 0
        self._seconds_per_row = 0.0

    def start(self) -> None:
        """Starts the thread; answers go to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._open = True
        threading.Thread(target=self._work, name="model", daemon=True).start()

    def stop(self) -> None:
        """What is queued is still computed; what comes now is refused."""
        self._open = False
        self._hand_over()
        self._queue.put(None)

    @property
    def queued(self) -> int:
        """Requests that wait for the model."""
        return self._submitted - self._taken

    @property
    def predicted_wait_seconds(self) -> float:
        """How long a request that comes now would wait, as far as the recent batches tell."""
        return (self._submitted_rows - self._taken_rows) * self._seconds_per_row

    def submit(self, inputs: Values, rows: int, deadline: float = math.inf) -> "asyncio.Future[Values]":
        """Queues a request; to be called on the event loop. Cancelling the future takes it out of the queue.

        Raises:
            Unavailable: the batcher was stopped.
        The future raises BadInput, ModelFailed or DeadlineExceeded.
        """
        if not self._open:
            raise Unavailable("the server is stopping")
        future = self._loop.create_future()
        self._submitted += 1
        self._submitted_rows += rows
        # One hand-over for all requests of a turn: waking the thread costs more than a small model's call.
        if not self._fresh:
            self._loop.call_soon(self._hand_over)
        self._fresh.append(Item(inputs, rows, deadline, future))
        return future

    def _hand_over(self) -> None:
        if self._fresh:
            self._queue.put(self._fresh)
            self._fresh = []

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            outcomes = list(self._compute(batch))
            try:
                self._loop.call_soon_threadsafe(_deliver, outcomes)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

    def _take(self) -> list[Item] | None:
        """What is queued, up to the maximum; None once stopped and empty."""
        if not self._backlog and not self._receive(None):
            return None
        until = time.monotonic() + self._max_delay if self._max_delay else 0.0
        batch: list[Item] = []
        rows = 0
        while not batch or rows < self._max_rows:
            if not self._backlog and not self._receive(until):
                break
            if batch and rows + self._backlog[0].rows > self._max_rows:
                break
            batch.append(self._backlog.popleft())
            rows += batch[-1].rows
        self._taken += len(batch)
        self._taken_rows += rows
        return batch

    def _receive(self, until: float | None) -> bool:
        """Whether there are items: waits for ever (None), until a time, or not at all (0)."""
        if self._ended:
            return False
        try:
            if until:
                items = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            else:
                items = self._queue.get(block=until is None)
        except Empty:
            return False
        if items is None:
            self._ended = True
            return False
        self._backlog.extend(items)
        return True

    def _compute(self, batch: Sequence[Item]) -> Iterable[Outcome]:
        now = time.monotonic()
        groups: dict[tuple[object, ...], list[Item]] = {}
        for item in batch:
            if item.future.done():  # cancelled: its client is gone, or its time is over
                continue
            if item.deadline <= now:
                yield item, DeadlineExceeded("the deadline passed while the request waited for the model")
                continue
            groups.setdefault(() if len(batch) == 1 else _kind(item), []).append(item)
        for items in groups.values():
            yield from self._compute_together(items)

    def _compute_together(self, items: list[Item]) -> Iterable[Outcome]:
        if len(items) > 1:
            rows = sum(item.rows for item in items)
            try:
                outputs = self._timed(_stacked(items), rows)
                if all(len(array) == rows for array in outputs.values()):
                    yield from zip(items, _split(outputs, items), strict=True)
                    return
            except Exception:  # noqa: S110 - whose fault it is shows below, where each runs by itself
                pass
        for item in items:
            try:
                yield item, self._timed(item.inputs, item.rows)
            except ServingError as error:
                yield item, error
            except Exception as error:
                failure = ModelFailed(f"the model failed: {type(error).__name__}: {error}")
                failure.__cause__ = error
                yield item, failure

    def _timed(self, inputs: Values, rows: int) -> Values:
        started = time.perf_counter()
        outputs = self._run(inputs)
        seconds = (time.perf_counter() - started) / rows
        self._seconds_per_row += SMOOTHING * (seconds - self._seconds_per_row)
        return outputs


def _kind(item: Item) -> tuple[object, ...]:
    """What requests must share to be stacked: names and datatypes too, as a signature may leave them open."""
    return tuple((name, array.dtype, array.shape[1:]) for name, array in item.inputs.items())


def _stacked(items: Sequence[Item]) -> Tensors:
    return {name: np.concatenate([item.inputs[name] for item in items]) for name in items[0].inputs}


def _split(outputs: Values, items: Sequence[Item]) -> Iterable[Tensors]:
    start = 0
    for item in items:
        end = start + item.rows
        yield {name: array[start:end] for name, array in outputs.items()}
        start = end


def _deliver(outcomes: Sequence[Outcome]) -> None:
    for item, outcome in outcomes:
        if item.future.done():
            continue
        if isinstance(outcome, ServingError):
            item.future.set_exception(outcome)
        else:
            item.future.set_result(outcome)
