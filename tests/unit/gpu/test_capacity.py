"""The API server is asked once for what many want to know, and again only when the answer is old."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from mlapi_operator.api.gpu import GPU
from mlapi_operator.api.kinds import NODE, Kind
from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.capacity import Capacity
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.resolve import resolve
from mlapi_operator.observe.devices import Devices
from mlapi_operator.protocol import ApiError, Cluster, Forbidden, Unavailable
from tests.support.clock import SteppedClock, settle
from tests.unit.gpu.fleet import GFD, H100, KINDS, T4

TEMPLATE: Manifest = {"spec": {}}


class Lists:
    """Answers lists and notes them; while `gate` is closed they stay under way."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = list(nodes)
        self.held: dict[str, int] = {}
        self.asked: list[str] = []
        self.error: Callable[[Kind], ApiError | None] = lambda kind: None
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = self.most_under_way = 0

    async def list(
        self, kind: Kind, *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> tuple[list[Manifest], str]:
        self.asked.append(f"{kind.plural} {fields}".strip())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
            if error := self.error(kind):
                raise error
        finally:
            self.under_way -= 1
        if kind == NODE:
            return [manifest(node) for node in self.nodes], "1"
        holding = self.held.get(fields.removeprefix("spec.nodeName="), 0)
        return [pod(holding)] if holding else [], "1"


def capacity_of(cluster: Lists, clock: SteppedClock) -> Capacity:
    return Capacity(cast("Cluster", cluster), clock)


def manifest(node: Node) -> Manifest:
    return {
        "metadata": {"name": node.name, "labels": node.labels},
        "spec": {"unschedulable": not node.schedulable},
        "status": {
            "allocatable": {name: str(count) for name, count in node.allocatable.items()},
            "conditions": [{"type": "Ready", "status": str(node.ready)}],
        },
    }


def pod(gpus: int) -> Manifest:
    return {"spec": {"containers": [{"resources": {"limits": {GFD: str(gpus)}}}]}}


def refused(status: int) -> Forbidden:
    return Forbidden("listing Node", status, "Forbidden", "not allowed")


async def devices(
    capacity: Capacity, *, fresh: bool = False, template: Manifest = TEMPLATE, **spec: Any
) -> Devices:
    gpu = GPU(**spec)
    return await capacity.devices(gpu, resolve(gpu, await capacity.nodes()), template, fresh=fresh)


async def test_free_devices_are_those_that_no_pod_of_the_matching_nodes_has_asked_for() -> None:
    cluster = Lists(*KINDS)
    cluster.held = {"h100": 5, "a100-40": 8, "a100-80": 1, "t4": 1}
    found = await devices(capacity_of(cluster, SteppedClock()), products=["H100", "A100"], count=2)
    assert (found.matching_nodes, found.free_devices, found.free_slots) == (3, 3 + 0 + 7, 1 + 0 + 3)
    assert found.products == ("NVIDIA-H100-80GB-HBM3", "NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-80GB")
    assert found.near_miss == ""
    # The pods of nodes that do not match are not read.
    assert sorted(cluster.asked) == [
        "nodes",
        "pods spec.nodeName=a100-40",
        "pods spec.nodeName=a100-80",
        "pods spec.nodeName=h100",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"ready": False},
        {"schedulable": False},
        {"allocatable": {GFD: 1}},
        {"allocatable": {}},
        {"labels": {}},
    ],
    ids=str,
)
async def test_node_that_cannot_take_the_pod_does_not_match(change: dict[str, Any]) -> None:
    cluster = Lists(replace(H100, **change))
    found = await devices(capacity_of(cluster, SteppedClock()), products=["H100"], count=2)
    assert (found.matching_nodes, found.free_devices, found.free_slots) == (0, 0, 0)
    assert found.near_miss


async def test_more_asked_for_than_there_is_leaves_none_free() -> None:
    cluster = Lists(H100)
    cluster.held = {"h100": 12}
    assert (await devices(capacity_of(cluster, SteppedClock()))).free_devices == 0


async def test_answers_are_shared_and_kept_for_half_a_minute() -> None:
    cluster, clock = Lists(H100), SteppedClock()
    capacity = capacity_of(cluster, clock)
    await asyncio.gather(*(devices(capacity) for _ in range(50)))
    clock.advance(29)
    await devices(capacity)
    assert cluster.asked == ["nodes", "pods spec.nodeName=h100"]
    clock.advance(1)
    await devices(capacity)
    assert len(cluster.asked) == 4


async def test_fresh_answer_is_asked_for_at_once() -> None:
    cluster = Lists(H100)
    capacity = capacity_of(cluster, SteppedClock())
    assert (await devices(capacity)).free_devices == 8
    cluster.held = {"h100": 8}
    assert (await devices(capacity)).free_devices == 8
    assert (await devices(capacity, fresh=True)).free_devices == 0
    assert (await devices(capacity)).free_devices == 0


async def test_caller_that_gives_up_leaves_the_answer_to_the_others() -> None:
    cluster = Lists(H100)
    cluster.gate.clear()
    capacity = capacity_of(cluster, SteppedClock())
    first, second = (asyncio.create_task(capacity.nodes()) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    cluster.gate.set()
    assert [node.name for node in await second or ()] == ["h100"]
    assert cluster.asked == ["nodes"]


async def test_nodes_that_may_not_be_read_are_unknown_and_asked_for_again_after_ten_minutes() -> None:
    cluster, clock = Lists(H100), SteppedClock()
    cluster.error = lambda kind: refused(403)
    capacity = capacity_of(cluster, clock)
    found = await devices(capacity, products=["H100"], count=3)
    assert found == Devices("nvidia.com/gpu", 3)
    assert (found.matching_nodes, found.free_devices, found.free_slots) == (-1, -1, -1)
    await devices(capacity, fresh=True)
    clock.advance(599)
    await devices(capacity)
    assert cluster.asked == ["nodes"]
    cluster.error = lambda kind: None
    clock.advance(1)
    assert (await devices(capacity)).matching_nodes == 1


async def test_pods_that_may_not_be_read_leave_the_free_devices_unknown() -> None:
    cluster = Lists(H100)
    cluster.error = lambda kind: None if kind == NODE else refused(403)
    found = await devices(capacity_of(cluster, SteppedClock()))
    assert (found.matching_nodes, found.free_devices, found.free_slots) == (1, -1, -1)


@pytest.mark.parametrize("error", [Unavailable("listing Node", 503, "", "down"), refused(401)], ids=str)
async def test_api_server_that_fails_is_told_and_asked_again(error: ApiError) -> None:
    cluster = Lists(H100)
    cluster.error = lambda kind: error
    capacity = capacity_of(cluster, SteppedClock())
    for _ in range(2):
        with pytest.raises(type(error)):
            await capacity.nodes()
    cluster.error = lambda kind: None
    assert await capacity.nodes()


async def test_hundreds_of_nodes_are_read_a_few_at_a_time() -> None:
    cluster = Lists(*(replace(H100, name=f"h100-{number}") for number in range(300)))
    found = await devices(capacity_of(cluster, SteppedClock()))
    assert found.free_devices == 2400
    assert len(cluster.asked) == 301
    assert 1 < cluster.most_under_way <= 8


async def test_node_that_went_and_came_back_is_read_anew() -> None:
    cluster, clock = Lists(H100, T4), SteppedClock()
    capacity = capacity_of(cluster, clock)
    cluster.held = {"t4": 1}
    assert (await devices(capacity)).free_devices == 8
    cluster.nodes = [H100]
    await devices(capacity, fresh=True)
    cluster.nodes, cluster.held = [H100, T4], {}
    await capacity.nodes(fresh=True)
    assert (await devices(capacity)).free_devices == 9


async def test_template_narrows_the_choice() -> None:
    cluster = Lists(replace(H100, labels={**H100.labels, "zone": "a"}), T4)
    template: Manifest = {"spec": {"nodeSelector": {"zone": "a"}}}
    assert (await devices(capacity_of(cluster, SteppedClock()), template=template)).matching_nodes == 1
