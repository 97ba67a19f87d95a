"""What scenarios with fake GPUs have beside their world: nodes of their own, and an eye on the pods."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

from e2e.fake_nodes import add_fake_node
from e2e.kube import Kube, Object, wait_for
from e2e.record import events
from e2e.world import World

# Fake pods fetch nothing.
MODEL: Final = {"uri": "https://models.example.com/digits.onnx"}
POOL: Final = "example.com/pool"


class GpuWorld:
    """MLApis on fake nodes; each has a pool of nodes that no other one may use."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._nodes: list[str] = []

    def add_node(self, pool: str, kind: str = "h100", *, count: int) -> str:
        """
        Args:
            count: its devices.
        Returns:
            Its name.
        """
        name = f"{self.world.namespace}-{pool}-{len(self._nodes)}"
        add_fake_node(self.world.kube, kind, name, count=count, labels={POOL: self._pool(pool)})
        self._nodes.append(name)
        return name

    def apply(
        self, name: str, *, pool: str = "", plays: Mapping[str, str] | None = None, **spec: Any
    ) -> None:
        """An MLApi that may use the nodes of its pool alone.

        Args:
            pool: by default the MLApi's name.
            plays: what its pods play, see `fake_pods_part`; another value makes another revision.
        """
        annotations = {f"fake-pod/{key}": value for key, value in (plays or {}).items()}
        self.world.apply(
            name,
            **{
                "model": MODEL,
                "gpu": {},
                "scheduling": {"nodeSelector": {POOL: self._pool(pool or name)}},
                "podMetadata": {"annotations": annotations},
                **spec,
            },
        )

    def requests_read(self, name: str) -> float:
        """How many requests the operator knows of now; status is written only when that is news."""
        operator = self.world.operator
        leader = self.world.kube.get("Pod", operator.namespace, operator.leader() or "")
        assert leader is not None
        metrics = httpx.get(f"http://{leader['status']['podIP']}:8080/metrics", timeout=10).text
        labels = {"namespace": self.world.namespace, "name": name}
        return sum(
            sample.value
            for family in text_string_to_metric_families(metrics)
            for sample in family.samples
            if sample.name == "mlapi_window_requests" and labels.items() <= sample.labels.items()
        )

    def _pool(self, pool: str) -> str:
        return f"{self.world.namespace}-{pool}"[-63:].lstrip("-")

    def close(self) -> None:
        """The pods first: without their nodes nobody would end them."""
        kube, namespace = self.world.kube, self.world.namespace
        kube.kubectl("-n", namespace, "delete", "mlapi", "--all")
        wait_for("no pods", lambda: not kube.list("Pod", namespace))
        for node in self._nodes:
            kube.delete("Node", "", node)


@contextmanager
def gpu_world(world: World) -> Iterator[GpuWorld]:
    gpus = GpuWorld(world)
    try:
        yield gpus
    finally:
        gpus.close()


class ReadyPods:
    """Every change of the pods of a namespace while the context is open."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "pods"
        command = ["kubectl", "get", "pods", "-n", self._namespace, "--watch", "--output-watch-events"]
        with self._file.open("w") as out:
            self._process = subprocess.Popen([*command, "-o", "json"], stdout=out, env=self._kube.environment)
        self._before = {_uid(pod) for pod in self._kube.list("Pod", self._namespace)}
        wait_for(
            "the watch",
            lambda: self._before <= {_uid(event["object"]) for event in events(self._file.read_text())},
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._seen = [(event["type"], event["object"]) for event in events(self._file.read_text())]
        self._folder.cleanup()

    def fewest(self, name: str) -> int:
        """How many pods of the MLApi were ready and not ending, when there were fewest; after the context."""
        ready: dict[str, bool] = {}
        missing = set(self._before)  # they come one by one at the beginning
        counts: list[int] = []
        for event, pod in self._seen:
            missing.discard(_uid(pod))
            if pod["metadata"]["labels"].get("mlapi.dev/name") == name:
                ready[_uid(pod)] = event != "DELETED" and serves(pod)
            if not missing:
                counts.append(sum(ready.values()))
        return min(counts)


def serves(pod: Object) -> bool:
    ready = [c["status"] for c in pod.get("status", {}).get("conditions", ()) if c["type"] == "Ready"]
    return ready == ["True"] and "deletionTimestamp" not in pod["metadata"]


def _uid(pod: Object) -> str:
    return str(pod["metadata"]["uid"])
