"""The operator as the scenarios treat it: killed, away for a while, replaced by another release."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from e2e.install import NAMESPACE, uninstall_operator
from e2e.kube import Kube, Object, wait_for

LEASE = "mlapi-operator"


class Operator:
    """The installed operator.

    Args:
        install: installs the release into a namespace with these values of the chart beside the usual ones.
    """

    def __init__(
        self, kube: Kube, install: Callable[[Object, str], None], namespace: str = NAMESPACE
    ) -> None:
        self._kube = kube
        self._install = install
        self.namespace = namespace

    def leader(self) -> str | None:
        """Name of the pod that holds the Lease."""
        lease = self._kube.get("Lease", self.namespace, LEASE)
        identity: str = ((lease or {}).get("spec") or {}).get("holderIdentity") or ""
        return identity.rpartition("_")[0] or None  # what follows tells processes of one pod apart

    def kill(self) -> None:
        """The leader's pod dies at once, without a chance to say goodbye; the Deployment makes a new one."""
        leader = self.leader()
        assert leader, "no process holds the Lease"
        self._kube.delete(
            "Pod", self.namespace, leader, gracePeriodSeconds=0, preconditions={"uid": self._uid(leader)}
        )
        wait_for("another leader", lambda: self.leader() not in (None, leader), seconds=60)

    def wait_for_leader(self) -> None:
        def leads() -> bool:
            leader = self.leader()
            return leader is not None and self._kube.get("Pod", self.namespace, leader) is not None

        wait_for("a leader", leads, seconds=60)

    def lose_lease(self) -> None:
        """The Lease is deleted; returns when one process alone leads: the former leader finds out, and ends,
        only when it renews."""
        former = self.leader()
        assert former, "no process holds the Lease"
        restarts = self._restarts(former)
        self._kube.delete("Lease", self.namespace, LEASE)
        self.wait_for_leader()
        wait_for("one leader", lambda: self.leader() == former or self._restarts(former) > restarts)

    @contextmanager
    def away(self) -> Iterator[None]:
        """No operator runs while the context is open."""
        before = self._scale(0)
        wait_for("no operator", lambda: not self._pods())
        try:
            yield
        finally:
            self._scale(before)
            self._ready()

    @contextmanager
    def release(self, *, image: str, max_bytes: int) -> Iterator[None]:
        """Another release of the operator, with this image for FastAPI, while the context is open."""
        self._install({"images": {"fastapi": image}, "fetch": {"maxBytes": max_bytes}}, self.namespace)
        try:
            yield
        finally:
            self._install({}, self.namespace)

    @contextmanager
    def replaced_in(self, namespace: str) -> Iterator["Operator"]:
        """While the context is open, only a release in this namespace, for it alone, is at work.

        Two that look after one namespace would write the same objects in turn, so the usual one is away.
        """
        with self.away():
            self._install({"watchNamespaces": [namespace]}, namespace)
            try:
                operator = Operator(self._kube, self._install, namespace)
                operator.wait_for_leader()
                yield operator
            finally:
                uninstall_operator(self._kube, namespace)

    def _scale(self, replicas: int) -> int:
        deployment = self._kube.get("Deployment", self.namespace, "mlapi-operator")
        assert deployment is not None
        self._kube.patch(
            "Deployment",
            self.namespace,
            "mlapi-operator",
            {"spec": {"replicas": replicas}},
            subresource="/scale",
        )
        return int(deployment["spec"]["replicas"])

    def _ready(self) -> None:
        self._kube.kubectl(
            "-n", self.namespace, "rollout", "status", "deployment/mlapi-operator", "--timeout=120s"
        )
        self.wait_for_leader()

    def _pods(self) -> list[Object]:
        return self._kube.list("Pod", self.namespace, "app.kubernetes.io/name=mlapi-operator")

    def _restarts(self, pod: str) -> int:
        found = self._kube.get("Pod", self.namespace, pod)
        assert found is not None
        return sum(int(container["restartCount"]) for container in found["status"]["containerStatuses"])

    def _uid(self, pod: str) -> str:
        found = self._kube.get("Pod", self.namespace, pod)
        assert found is not None
        return str(found["metadata"]["uid"])
