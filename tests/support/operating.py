"""The operator's reconcile on a real API server, in the test's own loop; smoke tests are answered here."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mlapi_operator.api.conditions import Reason
from mlapi_operator.api.types import Key
from mlapi_operator.api.v1alpha1 import SmokeTest
from mlapi_operator.app import cancel
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.events import Recorder
from mlapi_operator.latency.reader import Latencies
from mlapi_operator.protocol import SystemClock
from mlapi_operator.queue import Queue
from mlapi_operator.reconcile import Reconciler
from mlapi_operator.resync import Resync
from mlapi_operator.settings import Fetch, Images, Settings
from mlapi_operator.smoke import SmokeResult, SmokeTester
from mlapi_operator.store import Store
from mlapi_operator.watch import Watch
from tests.support.kubelet import IMAGE

IMAGES = Images.model_validate(dict.fromkeys(Images.model_fields, IMAGE))
SETTINGS = Settings(namespace="mlapi-system", pod_name="test", images=IMAGES, fetch=Fetch())


class Answers(SmokeTester):
    """There are no pods to ask: each revision that is asked gives `verdict`, at once."""

    def __init__(self, on_done: Callable[[Key], None]) -> None:
        self.verdict: tuple[Reason | None, str] = (None, "")
        self.asked: list[str] = []
        self._results: dict[tuple[str, str], SmokeResult] = {}
        self._tell = on_done

    def result(self, uid: str, revision: str) -> SmokeResult | None:
        return self._results.get((uid, revision))

    def want(self, key: Key, uid: str, revision: str, url: str, test: SmokeTest) -> None:
        reason, message = self.verdict
        self.asked.append(revision)
        known = self._results.get((uid, revision))
        self._results[uid, revision] = SmokeResult(reason is None, reason, message, SystemClock()())
        if known is None or known.reason != reason:
            self._tell(key)

    def forget(self, key: Key) -> None:
        """Nothing is under way, and the results go with the test."""


class AheadClock(SystemClock):
    """The real clock, put forward by a test."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> datetime:
        return super().__call__() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        while (left := end - self.monotonic()) > 0:  # noqa: ASYNC110 - nobody tells when time was put forward
            await asyncio.sleep(min(left, 0.1))

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


@dataclass(slots=True)
class Operating:
    store: Store
    queue: Queue
    smoke: Answers
    recorder: Recorder
    latencies: Latencies
    clock: AheadClock

    def pass_time(self, key: Key, seconds: float) -> None:
        """The MLApi is looked at again, so many seconds later."""
        self.clock.advance(seconds)
        self.queue.add(key)


@asynccontextmanager
async def operating(
    settings: Settings = SETTINGS,
    fence: Callable[[], float] = lambda: 10.0,
    clock: AheadClock | None = None,
) -> AsyncIterator[Operating]:
    """The parts as the leader wires them, on the API server of $KUBECONFIG, from when the store is filled."""
    configuration, clock, store = await connect(), clock or AheadClock(), Store()
    cluster = KubernetesCluster(configuration, fence)
    recorder = Recorder(cluster, clock)
    smoke = Answers(lambda key: queue.add(key))
    latencies = Latencies(clock, settings.status_writes_per_second)
    reconcile = Reconciler(cluster, store, settings, latencies, smoke, recorder, clock)
    queue = Queue(reconcile, 4, clock)
    resync = Resync(cluster, store, clock, queue.add, seconds=3600, namespaces=())
    watch, stop = Watch(configuration, settings, store, queue.add), asyncio.Event()
    tasks = [asyncio.create_task(part) for part in (resync.run(), queue.run(), recorder.run())]
    await resync.complete.wait()
    watching = asyncio.create_task(watch.run(stop))
    try:
        yield Operating(store, queue, smoke, recorder, latencies, clock)
    finally:
        await recorder.flush()
        queue.close()
        await cancel(tasks)
        stop.set()
        await watching
        await cluster.close()


def requests(audit_log: Path, namespace: str) -> list[str]:
    """What the API server answered to the operator about one namespace: `patch mlapis/digits/status 200`."""
    found = []
    for line in audit_log.read_text().splitlines():
        entry = json.loads(line)
        about = entry.get("objectRef") or {}
        agent = entry.get("userAgent", "")
        if agent.startswith("mlapi-operator") and about.get("namespace") == namespace:
            path = [about["resource"], about.get("name", ""), about.get("subresource", "")]
            found.append(f"{entry['verb']} {'/'.join(part for part in path if part)}")
    return found
