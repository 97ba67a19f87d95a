"""The operator's process: what it is made of, and the order in which that starts and ends.

Every process serves its health from the start and contends for the Lease. The one that holds it fills the
store with a full LIST, then reconciles what the watches bring. It ends when told to (0), or when it loses the
Lease or a part of it fails (1): only a new process is in a state that is known.
"""

import asyncio
import contextlib
import logging
import signal
import uuid
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import aiohttp
from kubernetes.aio.client.configuration import Configuration

from mlapi_operator import __version__, metrics
from mlapi_operator.api.types import Key
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.events import Recorder
from mlapi_operator.health import Health, LoopLag
from mlapi_operator.installed_crd import watch_installed_crd
from mlapi_operator.latency.sampler import Sampler
from mlapi_operator.leader import Lease
from mlapi_operator.protocol import Clock, SystemClock
from mlapi_operator.queue import Queue
from mlapi_operator.reconcile import Reconciler
from mlapi_operator.resync import Resync
from mlapi_operator.settings import Settings
from mlapi_operator.smoke import SmokeTester
from mlapi_operator.store import Store
from mlapi_operator.watch import Watch

log = logging.getLogger(__name__)

LEASE_NAME: Final = "mlapi-operator"
WORKERS: Final = 16
# A reconcile is a handful of requests of at most 10 s each.
STUCK_SECONDS: Final = 300.0
# Together less than the 30 s that Kubernetes gives a pod to end.
DRAIN_SECONDS: Final = 10.0
FLUSH_SECONDS: Final = 2.0
WATCH_END_SECONDS: Final = 8.0


async def run(settings: Settings) -> int:
    """Runs until SIGTERM, SIGINT or a failure; answers with the exit code.

    Raises:
        ConfigException: there is neither $KUBECONFIG nor a service account.
        OSError: the port of the health server is taken.
    """
    stop = asyncio.Event()
    stop_on_signals(stop)
    clock, health = SystemClock(), Health()
    configuration = await connect()
    cluster = KubernetesCluster(configuration, lambda: lease.fence())
    lease = Lease(
        cluster,
        clock,
        namespace=settings.namespace,
        name=LEASE_NAME,
        identity=f"{settings.pod_name}_{uuid.uuid4().hex[:8]}",
        duration_seconds=settings.lease_duration_seconds,
        renew_seconds=settings.lease_renew_seconds,
    )
    lag = LoopLag(clock)
    health.live["eventLoop"] = lag.check
    health.ready["lease"] = lambda: None if lease.known else "not read yet"
    await health.start(settings.port)
    log.info("started", extra={"version": __version__, "server": configuration.host})
    watchdog = asyncio.create_task(lag.run())
    try:
        contending = asyncio.create_task(lease.acquire())
        await first_to_end(stop, [contending])
        if stop.is_set() and not contending.done():
            contending.cancel()
            return 0
        await contending
        return await Leader(settings, configuration, cluster, lease, health, clock).run(stop)
    finally:
        watchdog.cancel()
        await health.close()
        await cluster.close()


class Leader:
    """What only the process that holds the Lease does."""

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        cluster: KubernetesCluster,
        lease: Lease,
        health: Health,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._lease = lease
        self._health = health
        self._clock = clock
        # Pods and Services are asked at their addresses: no proxy of the environment stands between.
        self._session = aiohttp.ClientSession(trust_env=False)
        self._store = Store()
        self._recorder = Recorder(cluster, clock)
        self._smoke = SmokeTester(self._session, self._requeue, clock)
        self._sampler = Sampler(self._store, settings, self._session, self._requeue, clock)
        reconcile = Reconciler(
            cluster, self._store, settings, self._sampler.reader, self._smoke, self._recorder, clock
        )
        self._queue = Queue(reconcile, WORKERS, clock)
        self._resync = Resync(
            cluster,
            self._store,
            clock,
            self._queue.add,
            seconds=settings.resync_seconds,
            namespaces=settings.watch_namespaces,
        )
        self._watch = Watch(configuration, settings, self._store, self._queue.add)
        self._watch_stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> int:
        """Leads until told to stop, or until a part ends by itself."""
        filled = self._resync.complete
        self._health.ready["store"] = lambda: None if filled.is_set() else "the first full list has not ended"
        self._health.live["resync"] = self._resync.check
        self._health.live["workers"] = self._stuck
        metrics.RESYNC_AGE.set_function(self._resync.age)
        tasks = {
            "lease": self._lease.hold(),
            "events": self._recorder.run(),
            "resync": self._resync.run(),
            "queue": after(filled, self._queue.run),
            "sampler": after(filled, self._sampler.run),
            # Last: at its end Kopf ends every task that is younger than itself.
            "watch": after(
                filled,
                lambda: self._watch.run(
                    self._watch_stop, lambda: stop_on_signals(stop), self._resync.refused
                ),
            ),
        }
        if not self._settings.watch_namespaces:
            tasks["crd"] = watch_installed_crd(self._cluster, self._clock, self._settings.resync_seconds)
        running = {name: asyncio.create_task(task, name=name) for name, task in tasks.items()}
        try:
            ended = await first_to_end(stop, running.values())
            if ended:
                error = None if ended.cancelled() else ended.exception()
                log.error("ending", extra={"part": ended.get_name(), "error": repr(error)}, exc_info=error)
            if self._lease.held:
                await self._end_in_order(running)
            return 1 if ended else 0
        finally:
            await cancel(running.values())
            await self._session.close()

    async def _end_in_order(self, running: dict[str, asyncio.Task[None]]) -> None:
        """Finishes what was begun, then lets another process lead."""
        self._health.ready["ending"] = lambda: "the process is ending"
        self._queue.close()
        await asyncio.wait([running["queue"]], timeout=DRAIN_SECONDS if self._resync.complete.is_set() else 0)
        await cancel(task for name, task in running.items() if name in ("queue", "resync", "sampler", "crd"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._recorder.flush()
        await cancel([running["lease"]])
        await self._lease.release()
        self._watch_stop.set()
        await asyncio.wait(
            [running["watch"]], timeout=WATCH_END_SECONDS if self._resync.complete.is_set() else 0
        )

    def _requeue(self, key: Key) -> None:
        self._queue.add(key)

    def _stuck(self) -> str | None:
        seconds = self._queue.oldest_seconds()
        return f"a reconcile has been running for {seconds:.0f} s" if seconds > STUCK_SECONDS else None


async def after(event: asyncio.Event, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await event.wait()
    await start()


async def first_to_end(stop: asyncio.Event, tasks: Iterable[asyncio.Task[None]]) -> asyncio.Task[None] | None:
    """Waits for the event or for the first task to end, whichever comes first; the task if it was one."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return next((task for task in tasks if task in done), None)


async def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def stop_on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
