"""The sampler reads real HTTP answers of pods, trusts none of them, and tells what is worth a write."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import generate_latest

from mlapi_operator.api.kinds import DEPLOYMENT, MLAPI, POD
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.latency import pod as pod_reads
from mlapi_operator.latency.progress import Progress
from mlapi_operator.latency.sampler import Sampler
from mlapi_operator.settings import Settings
from mlapi_operator.store import Store
from mlapi_stats.buckets import index
from mlapi_stats.document import MAX_BYTES, Series, Stats, encode
from tests.support.clock import SteppedClock

KEY: Key = ("team-a", "digits")
UID = "uid-digits"
REVISION = "digits-1a2b3c4d"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def document(clock: SteppedClock, requests: int, revision: str = REVISION) -> bytes:
    series = Series("predict", "2xx", requests, requests * 1000, {index(1000): requests} if requests else {})
    return encode(
        Stats(
            revision=revision,
            start_time=clock().timestamp() - clock.monotonic() - 5,
            model_loaded=True,
            in_flight=0,
            queued=0,
            capacity=100,
            loop_lag_microseconds=0,
            rejected=0,
            series=(series,),
        )
    )


def mlapi(version: int = 1, status: Manifest | None = None, spec: Manifest | None = None) -> Manifest:
    return {
        "metadata": {"namespace": KEY[0], "name": KEY[1], "uid": UID, "resourceVersion": str(version)},
        "spec": spec or {},
        "status": status or {},
    }


def deployment() -> Manifest:
    owner = {"kind": "MLApi", "name": KEY[1], "uid": UID, "controller": True}
    metadata = {"namespace": KEY[0], "name": KEY[1], "uid": "uid-deployment", "resourceVersion": "2"}
    return {"metadata": {**metadata, "ownerReferences": [owner]}}


def pod(name: str = "a", version: int = 3, **changes: Any) -> Manifest:
    """A pod whose server runs; changes are of its metadata, or of its status where they are named there."""
    status = {
        "phase": "Running",
        "podIP": f"10.244.0.{10 + ord(name[0]) - ord('a')}",
        "hostIP": "10.210.0.2",
        "containerStatuses": [{"name": "server", "started": True, "state": {"running": {}}}],
    }
    status.update(
        {key: changes.pop(key) for key in list(changes) if key in (*status, "initContainerStatuses")}
    )
    metadata = {
        "namespace": KEY[0],
        "name": f"digits-5d8f-{name}",
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "labels": {"mlapi.dev/name": KEY[1], "mlapi.dev/revision": REVISION, "pod-template-hash": "5d8f"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "digits-5d8f", "uid": "u", "controller": True}],
    }
    return {"metadata": {**metadata, **changes}, "spec": {"containers": []}, "status": status}


class World:
    """A sampler, its store, and pods that answer by their address."""

    def __init__(self, sampler: Sampler, store: Store, clock: SteppedClock) -> None:
        self.sampler, self.store, self.clock = sampler, store, clock
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.told: list[Key] = []
        self.reconcile: Callable[[Key], None] = self.told.append

    def serve(
        self, address: str, body: bytes, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=headers)

        self.answers[address] = answer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        address = request.host.removesuffix(":9090")
        self.asked.append(f"{address}{request.path}")
        if address not in self.answers:
            raise web.HTTPNotFound
        return await self.answers[address](request)

    async def tick(self) -> None:
        """One round, until its reads have ended."""
        async with asyncio.TaskGroup() as reads:
            self.sampler.tick(reads)

    def requests(self) -> int:
        return self.sampler.reader.total(UID, 300).requests


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    # No answer is late because the machine is busy; the test of the timeout sets it anew.
    monkeypatch.setattr(pod_reads, "TIMEOUT_SECONDS", 60)
    clock, store, worlds = SteppedClock(), Store(), list[World]()

    async def answer(request: web.Request) -> web.StreamResponse:
        return await worlds[0].answer(request)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "pods")).start()
    settings = Settings(namespace="mlapi-system", pod_name="operator-0")
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "pods"))) as session:
        sampler = Sampler(store, settings, session, lambda key: worlds[0].reconcile(key), clock)
        worlds.append(World(sampler, store, clock))
        store.put(MLAPI, mlapi())
        store.put(DEPLOYMENT, deployment())
        yield worlds[0]
    await runner.cleanup()


async def test_sampler_of_a_running_pod_reads_it_every_interval_and_tells_of_it(world: World) -> None:
    world.store.put(POD, pod("a"))
    world.serve("10.244.0.10", document(world.clock, 40))
    await world.tick()
    await world.tick()
    assert world.asked == ["10.244.0.10/_mlapi/stats"]
    assert world.requests() == 40
    assert world.told == [KEY]
    world.clock.advance(11)
    world.serve("10.244.0.10", document(world.clock, 42))
    await world.tick()
    assert world.requests() == 42


async def test_sampler_of_a_pod_that_begins_to_end_reads_it_at_every_tick(world: World) -> None:
    world.store.put(POD, pod("a"))
    world.serve("10.244.0.10", document(world.clock, 40))
    await world.tick()
    world.clock.advance(0.5)
    world.store.put(POD, pod("a", 4, deletionTimestamp="2026-11-22T12:00:01Z"))
    for requests in (41, 45, 47):
        world.serve("10.244.0.10", document(world.clock, requests))
        await world.tick()
        world.clock.advance(1.2)
    assert world.requests() == 47
    world.store.remove(POD, pod("a", 5))
    await world.tick()
    assert (world.requests(), world.sampler.reader.total(UID, 300).pods_sampled) == (47, 0)


async def test_sampler_tells_once_more_when_traffic_stops_and_then_no_more(world: World) -> None:
    written: list[int] = []

    def write(_: Key) -> None:
        total = world.sampler.reader.total(UID, 300)
        assert total.sampled_at
        latency = {
            "sampledAt": total.sampled_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "requests": total.requests,
            "errorPercent": total.error_percent,
            "p50Microseconds": total.p50_microseconds,
            "p95Microseconds": total.p95_microseconds,
            "p99Microseconds": total.p99_microseconds,
        }
        written.append(total.requests)
        world.store.put(MLAPI, mlapi(10 + len(written), {"latency": latency}))

    world.reconcile = write
    world.store.put(POD, pod("a"))
    for requests in (100, 105, 110, 110, 110, 110, 110):
        world.serve("10.244.0.10", document(world.clock, requests))
        await world.tick()
        world.clock.advance(11.3)
    assert written == [100, 110]


async def test_sampler_of_a_pod_that_fetches_tells_of_its_progress(world: World) -> None:
    init = [{"name": "fetch", "state": {"running": {}}}]
    world.store.put(POD, pod("a", phase="Pending", initContainerStatuses=init, containerStatuses=[]))
    body = (
        '{"state":"Downloading","doneBytes":%d,"totalBytes":1000,"bytesPerSecond":50,"remainingSeconds":18}'
    )
    for done, told in ((100, 0), (150, 1), (210, 1), (211, 2), (212, 2)):
        world.serve("10.244.0.10", (body % done).encode())
        await world.tick()
        assert len(world.told) == told  # what a round reads, the next one tells
        world.clock.advance(1.2)
    assert world.sampler.reader.progress(UID) == Progress("digits-5d8f-a", "Downloading", 210, 1000, 50, 18)
    assert set(world.asked) == {"10.244.0.10/_mlapi/progress"}
    world.store.put(POD, pod("a", 4))
    await world.tick()
    assert world.sampler.reader.progress(UID) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"ownerReferences": []},
        {"ownerReferences": [{"kind": "ReplicaSet", "name": "digits-5d8f", "uid": "u"}]},
        {"ownerReferences": [{"kind": "Job", "name": "digits-5d8f", "uid": "u", "controller": True}]},
        {"ownerReferences": [{"kind": "ReplicaSet", "name": "digits-other", "uid": "u", "controller": True}]},
        {"labels": {"mlapi.dev/name": "digits", "pod-template-hash": "5d8f"}},
        {"podIP": "10.210.0.2"},
        {"podIP": "169.254.169.254"},
        {"podIP": "127.0.0.1"},
        {"podIP": "metadata.internal"},
        {"podIP": ""},
        {"phase": "Succeeded"},
        {"containerStatuses": [{"name": "server", "started": False, "state": {"running": {}}}]},
        {"containerStatuses": [{"name": "server", "started": True, "state": {"waiting": {}}}]},
    ],
)
async def test_sampler_of_a_pod_that_is_not_to_be_trusted_or_not_serving_asks_nothing(
    world: World, changes: dict[str, Any]
) -> None:
    world.store.put(POD, pod("a", **changes))
    await world.tick()
    assert world.asked == []


async def test_sampler_without_a_deployment_of_this_mlapi_asks_nothing(world: World) -> None:
    world.store.put(POD, pod("a"))
    world.store.remove(DEPLOYMENT, deployment())
    await world.tick()
    assert world.asked == []


async def test_sampler_of_pods_that_answer_wrongly_counts_the_good_one_alone(world: World) -> None:
    good = document(world.clock, 40)
    for name in "abcdefg":
        world.store.put(POD, pod(name))
    world.serve("10.244.0.10", good)
    world.serve("10.244.0.11", b"<html>")
    world.serve("10.244.0.12", document(world.clock, 9, revision="digits-ffffffff"))
    world.serve("10.244.0.13", b"", status=302, headers={"Location": "http://10.244.0.10:9090/_mlapi/stats"})
    world.serve("10.244.0.14", good + b" " * MAX_BYTES)
    world.serve("10.244.0.15", good, headers={"Content-Encoding": "identity"})
    # g answers 404
    await world.tick()
    total = world.sampler.reader.total(UID, 300)
    assert (total.requests, total.pods_sampled) == (40, 1)
    assert sorted(world.asked) == [f"10.244.0.{10 + i}/_mlapi/stats" for i in range(7)]


async def test_sampler_of_a_pod_that_hangs_goes_on_with_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.sleep(60)
        return response

    monkeypatch.setattr(pod_reads, "TIMEOUT_SECONDS", 0.2)
    world.answers["10.244.0.10"] = hang
    for name in "ab":
        world.store.put(POD, pod(name))
    world.serve("10.244.0.11", document(world.clock, 40))
    async with asyncio.timeout(60):
        while world.requests() != 40:
            await world.tick()
            world.clock.advance(11)
    assert world.sampler.reader.total(UID, 300).pods_sampled == 1


async def test_sampler_of_many_changed_mlapis_tells_within_the_budget_oldest_first(world: World) -> None:
    for i in range(20):
        name = f"m{i:02}"
        spec = {"slo": {"maxErrorPercent": 1, "windowSeconds": 60}}
        each = mlapi(spec=spec)
        each["metadata"] |= {"name": name, "uid": name}
        owned = deployment()
        owned["metadata"] |= {"name": name, "ownerReferences": [{"uid": name, "controller": True}]}
        serving = pod("a")
        serving["metadata"] |= {
            "name": f"{name}-5d8f-a",
            "uid": f"pod-{name}",
            "labels": serving["metadata"]["labels"] | {"mlapi.dev/name": name},
            "ownerReferences": [
                {"kind": "ReplicaSet", "name": f"{name}-5d8f", "uid": "u", "controller": True}
            ],
        }
        for kind, manifest in ((MLAPI, each), (DEPLOYMENT, owned), (POD, serving)):
            world.store.put(kind, manifest)
    world.serve("10.244.0.10", document(world.clock, 40))
    told = []
    for _ in range(5):
        await world.tick()
        told.append(len(world.told))
        world.clock.advance(1)
    assert told == [0, 5, 10, 15, 20]  # the reads of the first round end after it
    assert len(set(world.told)) == 20


async def test_sampler_running_reads_until_it_is_cancelled(world: World) -> None:
    world.store.put(POD, pod("a"))
    world.serve("10.244.0.10", document(world.clock, 40))
    running = asyncio.create_task(world.sampler.run())
    for requests in (40, 41):
        world.serve("10.244.0.10", document(world.clock, requests))
        async with asyncio.timeout(60):
            while world.requests() != requests:
                world.clock.advance(1)
                await asyncio.sleep(0.01)
    labels = f'name="digits",namespace="team-a",revision="{REVISION}"'
    exposed = generate_latest().decode()
    assert f"mlapi_window_requests{{{labels}}} 41.0" in exposed
    latency = re.search(r'mlapi_request_duration_seconds{.*quantile="0.95".*} (\S+)', exposed)
    assert latency
    assert float(latency[1]) == pytest.approx(0.001, rel=0.022)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert b"mlapi_window_requests" not in generate_latest()
