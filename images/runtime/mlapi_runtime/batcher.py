"""Greedy dynamic batching: one thread runs the model, and takes what is queued whenever it is free.

No window by default: an idle model answers at once, a busy one finds its next batch waiting. Calls that are
known to be brief run on the event loop instead, one a turn, and the first of a turn in the request itself if
it is so brief that even to wait for the turn would cost more: waking a thread and being woken costs most.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from queue import Empty, SimpleQueue

import msgspec
import numpy as np

from mlapi_runtime.brevity import LIMIT_SECONDS, Brevity
from mlapi_runtime.errors import DeadlineExceeded, ModelFailed, ServingError, Unavailable
from mlapi_runtime.signature import Tensors, Values

Run = Callable[[Values], Values]
SMOOTHING = 0.2  # weight of the newest batch in the mean time per row
_SIZE = attrgetter("size")


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
        run: the model; called in one place at a time, in the batcher's thread or, if brief, on the loop.
        max_rows: rows that share a call at most; 1 runs every request by itself.
        max_delay_seconds: how long a batch that is not full waits for more.
        brevity: tells which calls are brief; None keeps all off the loop, as does a delay.
        cpu_clock: CPU seconds of the calling thread.
        wall_clock: seconds, as deadlines have them.
    """

    def __init__(
        self,
        run: Run,
        max_rows: int,
        max_delay_seconds: float = 0.0,
        brevity: Brevity | None = None,
        cpu_clock: Callable[[], float] = time.thread_time,
        wall_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._max_rows = max_rows
        self._max_delay = max_delay_seconds
        self._brevity = None if max_delay_seconds else brevity
        self._cpu_clock = cpu_clock
        self._wall_clock = wall_clock
        self._fresh: list[Item] = []  # of this turn of the loop, or waiting until the thread is done
        self._due = False  # a turn is on its way
        self._handed_over = 0  # requests that the thread has and has not answered
        self._queue: SimpleQueue[list[Item] | None] = SimpleQueue()
        self._backlog: deque[Item] = deque()  # handed over, and not yet in a batch; the thread's own
        self._ended = False
        self._open = False
        # Written where the model runs, submitted by the loop; no two at a time, so that no count is lost.
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

    async def predict(self, inputs: Values, rows: int, deadline: float = math.inf) -> Values:
        """Outputs of the model, in one of the three places.

        Raises:
            Unavailable: the batcher was stopped.
            BadInput, ModelFailed, DeadlineExceeded
        """
        brevity = self._brevity
        if brevity is not None and self._open and not self._due and not self._handed_over:
            elements = _elements(inputs)
            if brevity.expects_a_moment(elements):
                started = self._wall_clock()
                if deadline <= started:
                    raise _late()
                self._take_turn()  # who comes before it has company: they share a call
                try:
                    return self._run(inputs)
                except Exception as error:
                    raise _failure(error) from error
                finally:
                    if self._wall_clock() - started > LIMIT_SECONDS:
                        brevity.doubt(elements)
        return await self.submit(inputs, rows, deadline)

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
        self._fresh.append(Item(inputs, rows, deadline, future))
        # One hand-over for all requests of a turn: waking the thread costs more than a small model's call.
        self._take_turn()
        return future

    def _take_turn(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """The next call: here if it will be brief, else all that came goes to the thread."""
        self._due = False
        if not self._fresh:
            return
        if self._brevity is None:
            self._hand_over()
            return
        count, rows = self._next()
        first = self._fresh[0]
        elements = _elements(first.inputs) * rows // first.rows
        if not self._brevity.expects(elements):
            self._hand_over()
        elif not self._handed_over:
            self._compute_here(self._brevity, count, elements)
            if self._fresh:  # after whatever else the loop has to do
                self._take_turn()
        # Else the thread is about to be done: its answers bring the next turn.

    def _hand_over(self) -> None:
        if self._fresh:
            self._handed_over += len(self._fresh)
            self._queue.put(self._fresh)
            self._fresh = []

    def _next(self) -> tuple[int, int]:
        """How many of what waits can share the next call, and their rows."""
        first, *others = self._fresh
        count, rows = 1, first.rows
        if others and rows < self._max_rows:
            kind = _kind(first)
            for item in others:
                if rows + item.rows > self._max_rows or _kind(item) != kind:
                    break
                count += 1
                rows += item.rows
        return count, rows

    def _compute_here(self, brevity: Brevity, count: int, elements: int) -> None:
        batch, self._fresh = self._fresh[:count], self._fresh[count:]
        alive, late = _sorted_out(batch)
        outcomes: list[Outcome] = late
        if alive:
            started = self._cpu_clock()
            try:
                outcomes = [*late, *zip(alive, _split(self._run(_stacked(alive)), alive), strict=True)]
            except Exception:
                # Whose fault it is takes further calls: not here.
                self._fresh = [*batch, *self._fresh]
                self._hand_over()
                return
            brevity.note(elements, self._cpu_clock() - started)
        self._taken += count
        self._taken_rows += sum(item.rows for item in batch)
        _deliver(outcomes)

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            outcomes = list(self._compute(batch))
            try:
                self._loop.call_soon_threadsafe(self._answered, len(batch), outcomes)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

    def _answered(self, count: int, outcomes: Sequence[Outcome]) -> None:
        self._handed_over -= count
        _deliver(outcomes)
        if self._fresh:
            self._take_turn()

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
        alive, late = _sorted_out(batch)
        yield from late
        groups: dict[tuple[object, ...], list[Item]] = {}
        for item in alive:
            groups.setdefault(() if len(alive) == 1 else _kind(item), []).append(item)
        for items in groups.values():
            yield from self._compute_together(items)

    def _compute_together(self, items: list[Item]) -> Iterable[Outcome]:
        if len(items) > 1:
            try:
                outputs = self._measured(_stacked(items), sum(item.rows for item in items))
                yield from zip(items, _split(outputs, items), strict=True)
                return
            except Exception:  # noqa: S110 - whose fault it is shows below, where each runs by itself
                pass
        for item in items:
            try:
                yield item, self._measured(item.inputs, item.rows)
            except Exception as error:
                yield item, _failure(error)

    def _measured(self, inputs: Values, rows: int) -> Values:
        """A call in the thread, from which is learnt how long requests wait, and which calls are brief."""
        wall, cpu = self._wall_clock(), self._cpu_clock()
        outputs = self._run(inputs)
        if self._brevity is not None:
            self._brevity.note(_elements(inputs), self._cpu_clock() - cpu)
        seconds = (self._wall_clock() - wall) / rows
        self._seconds_per_row += SMOOTHING * (seconds - self._seconds_per_row)
        return outputs


def _sorted_out(batch: Sequence[Item]) -> tuple[list[Item], list[Outcome]]:
    """What is still to be computed, and the outcome of what is too late; the cancelled are in neither."""
    now = time.monotonic()
    alive: list[Item] = []
    late: list[Outcome] = []
    for item in batch:
        if item.future.done():  # cancelled: its client is gone, or its time is over
            continue
        if item.deadline <= now:
            late.append((item, _late()))
        else:
            alive.append(item)
    return alive, late


def _late() -> DeadlineExceeded:
    return DeadlineExceeded("the deadline passed while the request waited for the model")


def _failure(error: Exception) -> ServingError:
    """What the client is told of an error of the model."""
    if isinstance(error, ServingError):
        return error
    failure = ModelFailed(f"the model failed: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def _elements(inputs: Tensors) -> int:
    return sum(map(_SIZE, inputs.values()))


def _kind(item: Item) -> tuple[object, ...]:
    """What requests must share to be stacked: names and datatypes too, as a signature may leave them open."""
    return tuple((name, array.dtype, array.shape[1:]) for name, array in item.inputs.items())


def _stacked(items: Sequence[Item]) -> Values:
    if len(items) == 1:
        return items[0].inputs
    return {name: np.concatenate([item.inputs[name] for item in items]) for name in items[0].inputs}


def _split(outputs: Values, items: Sequence[Item]) -> Sequence[Values]:
    """The outputs of each of the items that shared a call.

    Raises:
        ValueError: they have other rows than the inputs.
    """
    if len(items) == 1:
        return [outputs]
    rows = sum(item.rows for item in items)
    if any(len(array) != rows for array in outputs.values()):
        raise ValueError("the outputs have other rows than the inputs")
    split = []
    end = 0
    for item in items:
        start, end = end, end + item.rows
        split.append({name: array[start:end] for name, array in outputs.items()})
    return split


def _deliver(outcomes: Sequence[Outcome]) -> None:
    for item, outcome in outcomes:
        if item.future.done():
            continue
        if isinstance(outcome, ServingError):
            item.future.set_exception(outcome)
        else:
            item.future.set_result(outcome)
