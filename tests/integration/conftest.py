"""The real API server with the CRD installed, a namespace for each test, and the proxy that misbehaves."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from tests.support.crd import serving_mlapis
from tests.support.faults import FaultProxy


@pytest.fixture(scope="session")
def admin(light: LightCluster) -> Iterator[Kube]:
    """An administrator's access that does not go through the proxy."""
    with serving_mlapis(light) as kube:
        yield kube


@pytest.fixture
def namespace(admin: Kube) -> Iterator[str]:
    name = f"team-{uuid.uuid4().hex[:8]}"
    admin.kubectl("create", "namespace", name)
    yield name
    for mlapi in admin.list("MLApi", name):
        admin.delete("MLApi", name, mlapi["metadata"]["name"])


@pytest.fixture
async def proxy(light: LightCluster, admin: Kube) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(light.kubeconfig) as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kubeconfig of the operator under test, which leads through the proxy."""
    kubeconfig = proxy.kubeconfig(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return kubeconfig
