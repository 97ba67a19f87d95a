"""An operator that was upgraded before its CRD, as Helm does it, still tells all that the CRD can hold."""

import copy
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from e2e.kube import Kube, wait_for
from mlapi_operator.api.crd import crd
from mlapi_operator.api.types import Manifest
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.events import Recorder
from mlapi_operator.older_crd import KEPT_SECONDS
from mlapi_operator.report import Reporter
from mlapi_operator.store import Store
from tests.integration.test_crd import STATUS
from tests.support.clock import SteppedClock
from tests.support.faults import FaultProxy
from tests.support.mlapis import mlapi

PROBE = "crd-in-use"
UNKNOWN_TO_IT = {
    "gpu",
    "phase=WaitingForGPU",
    "revisions.message",
    "revisions.result=RolledBack",
    "rollout.message",
    "rollout.startTime",
    "rollout.strategyReason",
    "rollout.strategyUsed",
}


def older() -> Manifest:
    """The CRD before there were GPUs and rollbacks."""
    definition = copy.deepcopy(crd())
    properties = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    status = properties["status"]["properties"]
    for member in ("strategyUsed", "strategyReason", "startTime", "message"):
        del status["rollout"]["properties"][member]
    revision = status["revisions"]["items"]["properties"]
    del status["gpu"], revision["message"]
    revision["result"]["enum"].remove("RolledBack")
    status["phase"]["enum"].remove("WaitingForGPU")
    return definition


def install(kube: Kube, definition: Manifest, *, knows_gpus: bool) -> None:
    """Returns once the API server judges by it."""
    kube.apply(definition)
    asked = ("kubectl", "apply", "--server-side", "--subresource=status", "--dry-run=server", "--filename=-")
    probe = json.dumps({**mlapi({}, PROBE), "status": {"gpu": STATUS["gpu"]}})
    wait_for(
        "the CRD in use", lambda: (kube.run(*asked, stdin=probe, check=False).returncode == 0) == knows_gpus
    )


@pytest.fixture
def upgrade(admin: Kube) -> Iterator[Callable[[], None]]:
    """The older CRD is installed; what it gives upgrades it."""
    admin.create("MLApi", "default", mlapi({}, PROBE))
    install(admin, older(), knows_gpus=False)
    yield lambda: install(admin, crd(), knows_gpus=True)
    install(admin, crd(), knows_gpus=True)
    admin.delete("MLApi", "default", PROBE)


@pytest.fixture
async def cluster(proxied: object) -> AsyncIterator[KubernetesCluster]:
    cluster = KubernetesCluster(await connect(), lambda: 10.0)
    yield cluster
    await cluster.close()


async def test_status_that_an_older_crd_cannot_hold_is_written_but_for_what_it_lacks(
    upgrade: Callable[[], None],
    cluster: KubernetesCluster,
    proxy: FaultProxy,
    admin: Kube,
    namespace: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, store = SteppedClock(), Store()
    reporter = Reporter(cluster, store, Recorder(cluster, clock), clock)
    wanted = {**STATUS, "phase": "WaitingForGPU"}
    kept = {name: value for name, value in STATUS.items() if name not in ("gpu", "phase")}
    kept["rollout"] = {name: STATUS["rollout"][name] for name in ("revision", "stableRevision")}
    (revision,) = STATUS["revisions"]
    kept["revisions"] = [{name: revision[name] for name in revision if name not in ("result", "message")}]

    for name in ("digits", "other"):
        live = admin.create("MLApi", namespace, {**mlapi({}, name), "metadata": {"name": name}})
        with caplog.at_level(logging.WARNING):
            await reporter.report(live, wanted, at_once=False)
        live = admin.get("MLApi", namespace, name) or {}
        assert live["status"] == kept
    said = [name for record in caplog.records for name in getattr(record, "left_out", ())]
    assert len(said) == len(UNKNOWN_TO_IT)
    assert set(said) == UNKNOWN_TO_IT

    # What was refused once is not sent again, by no MLApi.
    refused = sum(request.code >= 400 for request in proxy.requests)
    assert refused <= len(UNKNOWN_TO_IT)
    before = len(proxy.requests)
    assert await reporter.report(live, wanted, at_once=True) is None
    assert len(proxy.requests) == before

    upgrade()
    clock.advance(KEPT_SECONDS)
    await reporter.report(live, wanted, at_once=False)
    assert (admin.get("MLApi", namespace, "other") or {})["status"] == wanted
