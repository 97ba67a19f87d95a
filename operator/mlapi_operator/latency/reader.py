"""What is known of every MLApi's requests; no I/O, all times from the clock."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from mlapi_operator.api.v1alpha1 import SLO
from mlapi_operator.latency.budget import Budget
from mlapi_operator.latency.digest import Digest, digest, moved
from mlapi_operator.latency.progress import Progress
from mlapi_operator.latency.tally import Tally, tally
from mlapi_operator.latency.target import Target
from mlapi_operator.latency.window import Window
from mlapi_operator.protocol import Clock
from mlapi_stats.document import Stats

NEVER: Final = float("-inf")
# As often is progress that is no news otherwise brought up to date: a stalled download must show.
PROGRESS_SECONDS: Final = 10
FETCHES_REMEMBERED: Final = 256


class LatencyReader(Protocol):
    """What a reconcile asks; `uid` is the MLApi's."""

    def digests(self, uid: str, window_seconds: int) -> Mapping[str, Digest]:
        """By revision."""
        ...

    def total(self, uid: str, window_seconds: int) -> Digest:
        """Of all revisions."""
        ...

    def progress(self, uid: str) -> Progress | None:
        """Of the pod that is furthest behind with fetching the model, None when none fetches."""
        ...

    def fetched_at(self, uid: str) -> datetime | None:
        """When a pod was last seen to have more of the model than ever before; None if none was."""
        ...

    def should_write(self, previous: Digest | None, new: Digest, slo: SLO | None) -> bool:
        """Whether a digest that alone differs is to be written now; True spends one write of the budget."""
        ...


@dataclass(slots=True)
class Life:
    """A pod's counters, from one start to the next."""

    revision: str
    start_time: float
    counted: Tally
    read_at: float
    answered: bool = True


@dataclass(slots=True)
class Figures:
    """Of one MLApi. Times of the clock's monotonic seconds, but for those that status shows."""

    windows: dict[str, Window] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    fetching: dict[str, tuple[Progress, float]] = field(default_factory=dict)
    # The most bytes that each pod has had: a fetch that begins anew gets nowhere until it has more.
    fetched_bytes: dict[str, int] = field(default_factory=dict)
    fetched_at: datetime | None = None
    sampled_at: datetime | None = None
    counted_at: datetime | None = None
    counted_seconds: float = NEVER
    # When counts were met that are older than the window, or may be: less is known than the window says.
    partial_seconds: float = NEVER


class Latencies:
    """Implements LatencyReader from what `record` was told.

    Args:
        writes_per_second: digests written, over all MLApis.
    """

    def __init__(self, clock: Clock, writes_per_second: float) -> None:
        self._clock = clock
        self._figures: dict[str, Figures] = {}
        self._writes = Budget(writes_per_second, clock.monotonic)

    def record(
        self, uid: str, pod_uid: str, stats: Stats, window_seconds: int, kept_seconds: int = 0
    ) -> None:
        """Counts what is new in a pod's document.

        Args:
            window_seconds: that status looks back on.
            kept_seconds: that counts are kept for, if longer.
        """
        figures = self._figures.setdefault(uid, Figures())
        now, moment = self._clock.monotonic(), self._clock()
        counted = tally(stats)
        before = figures.lives.get(pod_uid)
        figures.lives[pod_uid] = Life(stats.revision, stats.start_time, counted, now)
        figures.sampled_at = moment
        if before and before.start_time == stats.start_time:
            new = counted.minus(before.counted)
        elif before or moment.timestamp() - stats.start_time <= window_seconds:
            new = counted
        else:
            # First met after a change of leader: which of its counts fall into the window is not known.
            new = Tally()
            figures.partial_seconds = now
        window = figures.windows.setdefault(stats.revision, Window())
        window.slide(now, max(window_seconds, kept_seconds))
        window.add(new, now)
        if new.requests:
            figures.counted_at, figures.counted_seconds = moment, now

    def record_silence(self, uid: str, pod_uid: str) -> None:
        """The pod did not answer, or not with a document: it counts as not sampled until it does."""
        if (figures := self._figures.get(uid)) and (life := figures.lives.get(pod_uid)):
            life.answered = False

    def record_progress(self, uid: str, progress: Progress) -> bool:
        """True if that is news for the status."""
        figures = self._figures.setdefault(uid, Figures())
        if progress.done_bytes > figures.fetched_bytes.get(progress.pod, 0):
            figures.fetched_bytes[progress.pod] = progress.done_bytes
            figures.fetched_at = self._clock()
            if len(figures.fetched_bytes) > FETCHES_REMEMBERED:
                del figures.fetched_bytes[next(iter(figures.fetched_bytes))]
        shown, now = self.progress(uid), self._clock.monotonic()
        known, since = figures.fetching.get(progress.pod, (None, NEVER))
        if not progress.news_since(known) and now - since < PROGRESS_SECONDS:
            return False
        figures.fetching[progress.pod] = progress, now
        return self.progress(uid) != shown

    def keep(self, uid: str, pods: Collection[str], targets: Collection[Target], kept_seconds: int) -> None:
        """Forgets the pods that are gone; what they counted stays until the window has slid past it.

        Args:
            pods: uids of those that exist. One that is not read for a while must be known when it is again.
            targets: those that are read.
        """
        if (figures := self._figures.get(uid)) is None:
            return
        serving = {target.uid for target in targets if target.what == "Stats"}
        fetching = {target.name for target in targets if target.what == "Progress"}
        figures.lives = {pod: life for pod, life in figures.lives.items() if pod in pods}
        for pod in figures.lives.keys() - serving:
            figures.lives[pod].answered = False
        figures.fetching = {pod: known for pod, known in figures.fetching.items() if pod in fetching}
        for window in figures.windows.values():
            window.slide(self._clock.monotonic(), kept_seconds)
        figures.windows = {revision: window for revision, window in figures.windows.items() if window}

    def keep_only(self, uids: Collection[str]) -> None:
        """Forgets MLApis that are gone."""
        self._figures = {uid: figures for uid, figures in self._figures.items() if uid in uids}

    def digests(self, uid: str, window_seconds: int) -> Mapping[str, Digest]:
        figures, now = self._figures.get(uid), self._clock.monotonic()
        if figures is None:
            return {}
        pods: dict[str, int] = {}
        for life in figures.lives.values():
            pods[life.revision] = pods.get(life.revision, 0) + life.answered
        counted = {name: window.since(now, window_seconds) for name, window in figures.windows.items()}
        return {
            name: self._digest(figures, counted.get(name, Tally()), window_seconds, pods.get(name, 0))
            for name in sorted(counted.keys() | pods.keys())
        }

    def total(self, uid: str, window_seconds: int) -> Digest:
        figures, now = self._figures.get(uid), self._clock.monotonic()
        if figures is None:
            return Digest(window_seconds)
        counted = Tally()
        for window in figures.windows.values():
            counted = counted.plus(window.since(now, window_seconds))
        answered = sum(life.answered for life in figures.lives.values())
        return self._digest(figures, counted, window_seconds, answered)

    def progress(self, uid: str) -> Progress | None:
        figures = self._figures.get(uid)
        if figures is None or not figures.fetching:
            return None
        behind = (progress for progress, _ in figures.fetching.values())
        return min(behind, key=lambda progress: (progress.done_bytes, progress.pod))

    def fetched_at(self, uid: str) -> datetime | None:
        figures = self._figures.get(uid)
        return figures.fetched_at if figures else None

    def should_write(self, previous: Digest | None, new: Digest, slo: SLO | None) -> bool:
        return moved(previous, new, slo) and self._writes.take()

    def _digest(self, figures: Figures, counted: Tally, window_seconds: int, pods: int) -> Digest:
        now = self._clock.monotonic()
        if figures.sampled_at is None or (
            not counted.requests and now - figures.partial_seconds < window_seconds
        ):
            return Digest(window_seconds)
        # Without pods nothing changes but by the window sliding: what is known is known as of now.
        sampled_at = figures.sampled_at if figures.lives else self._clock()
        answering = [life for life in figures.lives.values() if life.answered]
        quiet = all(life.read_at > figures.counted_seconds for life in answering)
        stopped = quiet and bool(answering or not figures.lives)
        return digest(counted, window_seconds, sampled_at, pods, figures.counted_at if stopped else None)
