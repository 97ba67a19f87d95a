"""Of several operator processes at most one writes, and there is soon another one when it ends."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from e2e.kube import Kube
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.leader import Lease, LeaseLostError
from mlapi_operator.protocol import NotLeading
from tests.support.clock import SteppedClock
from tests.support.faults import Answer, Drop, FaultProxy
from tests.support.parts import mlapi, until
from tests.support.process import OperatorProcess, operator_process

DURATION, RENEW = 15, 5


class Contender:
    """A lease with a clock of its own, as on a machine of its own."""

    def __init__(self, cluster: KubernetesCluster, namespace: str, identity: str) -> None:
        self.clock = SteppedClock()
        self.lease = Lease(
            cluster,
            self.clock,
            namespace=namespace,
            name="mlapi-operator",
            identity=identity,
            duration_seconds=DURATION,
            renew_seconds=RENEW,
        )

    def writes(self) -> bool:
        try:
            return self.lease.fence() > 0
        except NotLeading:
            return False

    async def step(self, seconds: float, task: asyncio.Task[None]) -> None:
        """Lets time pass by the second; between two, the task's requests get their answers."""
        for _ in range(round(seconds)):
            await self.quiet(task)
            self.clock.advance(1)
        await self.quiet(task)

    async def quiet(self, task: asyncio.Task[None]) -> None:
        await until("the request answered", lambda: self.clock.waiting or task.done())


@pytest.fixture
async def contenders(proxied: Path, namespace: str) -> AsyncIterator[tuple[Contender, Contender]]:
    cluster = KubernetesCluster(await connect(), lambda: 10.0)
    yield Contender(cluster, namespace, "a"), Contender(cluster, namespace, "b")
    await cluster.close()


def record(admin: Kube, namespace: str) -> dict[str, Any]:
    found = admin.get("Lease", namespace, "mlapi-operator")
    return dict(found["spec"]) if found else {}


async def test_lease_held_and_renewed_is_never_given_to_another(
    contenders: tuple[Contender, Contender], admin: Kube, namespace: str
) -> None:
    first, second = contenders
    await first.lease.acquire()
    holding = asyncio.create_task(first.lease.hold())
    waiting = asyncio.create_task(second.lease.acquire())
    for _ in range(12):
        await first.step(5, holding)
        await second.step(5, waiting)
        assert first.writes()
    assert not waiting.done()
    assert not second.writes()
    assert second.lease.known
    spec = record(admin, namespace)
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (
        "a",
        DURATION,
        0,
    )
    holding.cancel()
    waiting.cancel()


async def test_lease_of_a_holder_that_stopped_renewing_is_taken_after_it_stopped_writing(
    contenders: tuple[Contender, Contender], admin: Kube, namespace: str
) -> None:
    first, second = contenders
    await first.lease.acquire()
    waiting = asyncio.create_task(second.lease.acquire())
    first.clock.advance(DURATION - 4)
    assert first.writes()
    first.clock.advance(1)
    assert not first.writes()
    await second.step(DURATION - 3, waiting)
    assert not waiting.done()
    await second.step(6, waiting)
    await asyncio.wait_for(waiting, 10)
    assert second.writes()
    spec = record(admin, namespace)
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("b", 1)
    with pytest.raises(LeaseLostError):
        await first.lease.hold()


async def test_lease_with_a_holders_clock_far_off_expires_by_the_observers_clock_alone(
    contenders: tuple[Contender, Contender], admin: Kube, namespace: str
) -> None:
    first, second = contenders
    await first.lease.acquire()
    admin.patch("Lease", namespace, "mlapi-operator", {"spec": {"renewTime": "2001-01-01T00:00:00.000000Z"}})
    waiting = asyncio.create_task(second.lease.acquire())
    await second.step(DURATION - 2, waiting)
    assert not waiting.done()
    waiting.cancel()


async def test_lease_released_is_taken_without_waiting_for_its_end(
    contenders: tuple[Contender, Contender], admin: Kube, namespace: str
) -> None:
    first, second = contenders
    await first.lease.acquire()
    waiting = asyncio.create_task(second.lease.acquire())
    await second.step(3, waiting)
    await first.lease.release()
    assert not first.writes()
    assert record(admin, namespace)["holderIdentity"] == ""
    await second.step(3, waiting)
    await asyncio.wait_for(waiting, 10)
    assert second.writes()


async def test_lease_taken_by_another_while_frozen_is_lost_at_once_on_waking(
    contenders: tuple[Contender, Contender],
) -> None:
    first, second = contenders
    await first.lease.acquire()
    holding = asyncio.create_task(first.lease.hold())
    waiting = asyncio.create_task(second.lease.acquire())
    await second.step(DURATION + 3, waiting)
    await asyncio.wait_for(waiting, 10)
    first.clock.advance(DURATION + 3)
    assert not first.writes()
    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(holding, 10)


async def test_lease_whose_renewals_fail_for_a_moment_is_kept(
    contenders: tuple[Contender, Contender], proxy: FaultProxy
) -> None:
    first, _ = contenders
    await first.lease.acquire()
    holding = asyncio.create_task(first.lease.hold())
    for fault in (Answer(500), Answer(429, retry_after=1), Drop(), Drop(after=True)):
        proxy.fail("replace", "leases", fault, times=1)
        await first.step(9, holding)
        assert first.writes(), fault
    assert not holding.done()
    holding.cancel()


async def test_lease_deleted_by_hand_is_made_anew_by_its_holder(
    contenders: tuple[Contender, Contender], admin: Kube, namespace: str
) -> None:
    first, _ = contenders
    await first.lease.acquire()
    holding = asyncio.create_task(first.lease.hold())
    admin.delete("Lease", namespace, "mlapi-operator")
    await first.step(8, holding)
    assert record(admin, namespace)["holderIdentity"] == "a"
    assert first.writes()
    assert not holding.done()
    holding.cancel()


async def test_lease_deleted_by_hand_and_taken_by_another_is_lost(
    contenders: tuple[Contender, Contender], admin: Kube, namespace: str
) -> None:
    first, second = contenders
    await first.lease.acquire()
    holding = asyncio.create_task(first.lease.hold())
    admin.delete("Lease", namespace, "mlapi-operator")
    await second.lease.acquire()
    await first.step(8, holding)
    assert not first.writes()
    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(holding, 10)


async def test_lease_whose_renewals_fail_for_long_is_lost(
    contenders: tuple[Contender, Contender], proxy: FaultProxy
) -> None:
    first, _ = contenders
    await first.lease.acquire()
    holding = asyncio.create_task(first.lease.hold())
    proxy.fail("*", "leases", Answer(500))
    await first.step(DURATION, holding)
    assert not first.writes()
    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(holding, 10)


class Pair:
    """Two operator processes, each behind a proxy that counts what it alone does."""

    def __init__(self, processes: list[OperatorProcess], proxies: list[FaultProxy]) -> None:
        self.processes = processes
        self.proxies = proxies


@pytest.fixture
async def pair(admin: Kube, namespace: str, tmp_path: Path) -> AsyncIterator[Pair]:
    """The first of them leads, the second stands by."""
    async with AsyncExitStack() as stack:
        pair = Pair([], [])
        for name in ("first", "second"):
            (folder := tmp_path / name).mkdir()
            proxy = await stack.enter_async_context(FaultProxy(admin.kubeconfig))
            process = await stack.enter_async_context(
                operator_process(
                    proxy.kubeconfig(folder), namespace, tmp_path, name, WATCH_NAMESPACES=namespace
                )
            )
            pair.processes.append(process)
            pair.proxies.append(proxy)
            await until(f"{name} ready", process.ready)
        yield pair


def holder(admin: Kube, namespace: str) -> str:
    return str(record(admin, namespace).get("holderIdentity", "")).partition("_")[0]


async def deployed(admin: Kube, namespace: str, name: str) -> None:
    await until(f"Deployment {name}", lambda: admin.get("Deployment", namespace, name))


async def test_standby_is_ready_and_idle_and_takes_over_when_the_leader_is_killed(
    pair: Pair, admin: Kube, namespace: str
) -> None:
    admin.create("MLApi", namespace, mlapi(namespace, "before"))
    await deployed(admin, namespace, "before")
    leader, standby = pair.processes
    assert await standby.ready()
    assert set(pair.proxies[1].counts()) == {("get", "leases")}
    assert "mlapi_leader 0.0" in (await standby.ask("/metrics"))[1]
    leader.send(signal.SIGKILL)
    admin.create("MLApi", namespace, mlapi(namespace, "after"))
    await deployed(admin, namespace, "after")
    assert holder(admin, namespace) == "second"
    assert "mlapi_leader 1.0" in (await standby.ask("/metrics"))[1]


async def test_leader_frozen_and_resumed_writes_nothing_and_ends(
    pair: Pair, admin: Kube, namespace: str
) -> None:
    admin.create("MLApi", namespace, mlapi(namespace, "before"))
    await deployed(admin, namespace, "before")
    leader, _ = pair.processes
    leader.send(signal.SIGSTOP)
    # What it will see first when it wakes asks for a write.
    admin.create("MLApi", namespace, mlapi(namespace, "after"))
    admin.delete("Service", namespace, "before")
    await until("the second leading", lambda: holder(admin, namespace) == "second")
    await deployed(admin, namespace, "after")
    seen = len(pair.proxies[0].requests)
    leader.send(signal.SIGCONT)
    assert await leader.ended() == 1
    assert pair.proxies[0].writes(since=seen) == []
    assert ("replace", "leases") not in pair.proxies[0].counts(since=seen)
    await until("the Service back", lambda: admin.get("Service", namespace, "before"))


async def test_leader_told_to_end_releases_the_lease_and_ends_well(
    pair: Pair, admin: Kube, namespace: str
) -> None:
    leader, standby = pair.processes
    leader.send(signal.SIGTERM)
    assert await leader.ended() == 0
    await until("the second leading", lambda: holder(admin, namespace) == "second")
    assert record(admin, namespace)["leaseTransitions"] == 1
    standby.send(signal.SIGTERM)
    assert await standby.ended() == 0


async def test_standby_told_to_end_ends_well_and_leaves_the_lease(
    pair: Pair, admin: Kube, namespace: str
) -> None:
    _, standby = pair.processes
    standby.send(signal.SIGTERM)
    assert await standby.ended() == 0
    assert holder(admin, namespace) == "first"
