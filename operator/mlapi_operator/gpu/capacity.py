"""What the cluster has of GPUs and how much of it is free, asked for when someone needs to know."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, Generic, TypeVar

from mlapi_operator.api.gpu import GPU
from mlapi_operator.api.kinds import NODE, POD
from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.near_miss import near_miss
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.resolve import Resolved, names
from mlapi_operator.gpu.selectors import admits, untolerated
from mlapi_operator.gpu.usage import held
from mlapi_operator.observe.devices import UNKNOWN, Devices
from mlapi_operator.protocol import Clock, Cluster, Forbidden

KEPT_SECONDS: Final = 30.0
FORBIDDEN: Final = 403
# A role is seldom widened while the operator runs.
FORBIDDEN_SECONDS: Final = 600.0
READS_AT_ONCE: Final = 8

Answer = TypeVar("Answer")


class Capacity:
    """Shared by all MLApis: whatever is asked again within KEPT_SECONDS is asked of the API server once."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._nodes = _Kept(self._read_nodes, clock)
        self._held: dict[str, _Kept[dict[str, int]]] = {}  # by node
        self._reads = asyncio.Semaphore(READS_AT_ONCE)

    async def nodes(self, *, fresh: bool = False) -> tuple[Node, ...] | None:
        """All nodes, None where the operator may not read them.

        Args:
            fresh: ask the API server, unless a read is under way.
        Raises:
            ApiError: the API server did not answer.
        """
        return await self._nodes.get(fresh=fresh)

    async def devices(
        self, gpu: GPU, resolved: Resolved, template: Manifest, *, fresh: bool = False
    ) -> Devices:
        """
        Args:
            template: the pod template, whose nodeSelector, affinity and tolerations narrow the choice.
            fresh: ask the API server, unless a read is under way.
        Raises:
            ApiError: the API server did not answer.
        """
        nodes = await self.nodes(fresh=fresh)
        if nodes is None:
            return Devices(resolved.resource_name, resolved.per_replica)
        for gone in self._held.keys() - {node.name for node in nodes}:
            del self._held[gone]
        pod = template["spec"]
        matching = [node for node in nodes if may_run(resolved, pod, node)]
        left = await self.free(matching, resolved.resource_name, fresh=fresh)
        free = None if left is None else left.values()
        return Devices(
            resource_name=resolved.resource_name,
            per_replica=resolved.per_replica,
            products=names(gpu, matching),
            matching_nodes=len(matching),
            free_devices=UNKNOWN if free is None else sum(free),
            free_slots=UNKNOWN if free is None else sum(each // resolved.per_replica for each in free),
            near_miss="" if matching else near_miss(gpu, resolved, pod, nodes),
        )

    async def free(
        self, nodes: Sequence[Node], resource: str, *, fresh: bool = False
    ) -> dict[str, int] | None:
        """Devices that no pod holds, by the name of the node; None where pods may not be read.

        Args:
            nodes: that have the resource.
            fresh: as for `devices`.
        Raises:
            ApiError: the API server did not answer.
        """
        pods = [self._held.setdefault(node.name, self._kept(node.name)) for node in nodes]
        used = await asyncio.gather(*(each.get(fresh=fresh) for each in pods))
        free = {}
        for node, taken in zip(nodes, used, strict=True):
            if taken is None:
                return None
            free[node.name] = max(node.allocatable[resource] - taken.get(resource, 0), 0)
        return free

    def _kept(self, node: str) -> "_Kept[dict[str, int]]":
        return _Kept(lambda: self._read_held(node), self._clock)

    async def _read_nodes(self) -> tuple[Node, ...]:
        manifests, _ = await self._cluster.list(NODE)
        return tuple(map(Node.of, manifests))

    async def _read_held(self, node: str) -> dict[str, int]:
        async with self._reads:
            pods, _ = await self._cluster.list(POD, fields=f"spec.nodeName={node}")
        taken: dict[str, int] = {}
        for pod in pods:
            for resource, count in held(pod).items():
                taken[resource] = taken.get(resource, 0) + count
        return taken


def may_run(resolved: Resolved, pod: Manifest, node: Node) -> bool:
    """Whether pods of this spec fit the node while it is empty."""
    return (
        resolved.offers(node)
        and admits(pod, node)
        and untolerated(pod, node) is None
        and node.ready
        and node.schedulable
    )


class _Kept(Generic[Answer]):
    """An answer that is kept for a while, and asked for once however many wait for it.

    An answer of None says that the operator may not ask.
    """

    def __init__(self, read: Callable[[], Coroutine[None, None, Answer | None]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._answer: Answer | None = None
        self._until = -1.0
        self._reading: asyncio.Task[Answer | None] | None = None

    async def get(self, *, fresh: bool) -> Answer | None:
        if self._clock.monotonic() < self._until and not (fresh and self._answer is not None):
            return self._answer
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._ask())
            # Whoever waits is told; where nobody does any more, an error is no one's.
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        # One caller who gives up does not take the answer from the others.
        return await asyncio.shield(self._reading)

    async def _ask(self) -> Answer | None:
        try:
            self._answer, seconds = await self._read(), KEPT_SECONDS
        except Forbidden as error:
            if error.status != FORBIDDEN:  # rejected credentials are soon renewed
                raise
            self._answer, seconds = None, FORBIDDEN_SECONDS
        self._until = self._clock.monotonic() + seconds
        return self._answer
