"""The operator's process as a whole: what it tells of itself, and how it starts and ends."""

import signal
import socket
from pathlib import Path

import pytest

from e2e.kube import Kube
from tests.support.faults import Answer, FaultProxy
from tests.support.parts import mlapi, until
from tests.support.process import operator_process

IDLE_LIMIT_BYTES = 90 * 2**20


async def test_operator_idle_is_healthy_small_and_tells_of_itself(
    proxy: FaultProxy, proxied: Path, namespace: str, tmp_path: Path
) -> None:
    async with operator_process(proxied, namespace, tmp_path, "operator") as operator:
        await until("ready", operator.ready)
        await until("watching", lambda: proxy.watching("configmaps"))
        assert await operator.ask("/healthz") == (200, "ok\n")
        status, metrics = await operator.ask("/metrics")
        assert status == 200
        for line in (
            "mlapi_leader 1.0",
            "mlapi_crd_outdated 0.0",
            'mlapi_apiserver_requests_total{code="200",kind="Pod",verb="list"} 1.0',
        ):
            assert line in metrics
        print(f"resident while idle: {operator.resident_bytes / 2**20:.1f} MiB")
        assert operator.resident_bytes < IDLE_LIMIT_BYTES
        assert proxy.writes() == []
        operator.send(signal.SIGTERM)
        assert await operator.ended() == 0


async def test_operator_told_to_end_during_a_reconcile_finishes_it(
    proxy: FaultProxy, proxied: Path, admin: Kube, namespace: str, tmp_path: Path
) -> None:
    async with operator_process(proxied, namespace, tmp_path, "operator") as operator:
        await until("ready", operator.ready)
        await until("watching", lambda: proxy.watching("mlapis"))
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        await until("a write", proxy.writes)
        operator.send(signal.SIGTERM)
        assert await operator.ended() == 0
        lease = admin.get("Lease", namespace, "mlapi-operator")
        assert lease
        assert lease["spec"]["holderIdentity"] == ""
        assert not [each for each in proxy.writes() if each.code == 0]
        assert "reconcile failed" not in operator.log


async def test_operator_without_the_crd_waits_for_it_and_is_not_ready(
    proxy: FaultProxy, proxied: Path, namespace: str, tmp_path: Path
) -> None:
    proxy.fail("list", "mlapis", Answer(404))
    async with operator_process(proxied, namespace, tmp_path, "operator") as operator:
        await until("told", lambda: "listing MLApi: 404" in operator.log)
        status, text = await operator.ask("/readyz")
        assert (status, text) == (503, "store: the first full list has not ended\n")
        proxy.heal()
        await until("ready", operator.ready)


async def test_operator_whose_server_is_away_for_longer_than_its_lease_ends_to_start_anew(
    proxy: FaultProxy, proxied: Path, namespace: str, tmp_path: Path
) -> None:
    async with operator_process(proxied, namespace, tmp_path, "operator") as operator:
        await until("watching", lambda: proxy.watching("mlapis"))
        await proxy.stop()
        assert await operator.ended() == 1
        assert "lease was not renewed in time" in operator.log
        await proxy.start()


async def test_operator_with_a_wrong_setting_says_which_and_ends(
    proxied: Path, namespace: str, tmp_path: Path
) -> None:
    async with operator_process(proxied, namespace, tmp_path, "operator", RESYNC_SECONDS="often") as operator:
        assert await operator.ended() == 2
        assert "MLAPI_RESYNC_SECONDS: found 'often'" in operator.log
        assert "Traceback" not in operator.log


async def test_operator_whose_port_is_taken_says_so_and_ends(
    proxied: Path, namespace: str, tmp_path: Path
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with operator_process(proxied, namespace, tmp_path, "operator", PORT=port) as operator:
            assert await operator.ended() == 1
            assert "address already in use" in operator.log


async def test_operator_without_access_to_a_cluster_says_so_and_ends(
    namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operator_process(tmp_path / "none", namespace, tmp_path, "operator") as operator:
        assert await operator.ended() == 1
        assert str(tmp_path / "none") in operator.log


async def test_operator_with_the_crd_of_another_release_says_so(
    proxied: Path, admin: Kube, namespace: str, tmp_path: Path
) -> None:
    hash_of = "jsonpath={.metadata.annotations.mlapi\\.dev/schema-hash}"
    wanted = admin.kubectl("get", "crd", "mlapis.mlapi.dev", "-o", hash_of)
    admin.kubectl("annotate", "--overwrite", "crd", "mlapis.mlapi.dev", "mlapi.dev/schema-hash=older")
    try:
        async with operator_process(proxied, namespace, tmp_path, "operator") as operator:
            await until("said", lambda: '"found": "older"' in operator.log)
            assert "mlapi_crd_outdated 1.0" in (await operator.ask("/metrics"))[1]
            assert f'"wanted": "{wanted}"' in operator.log
    finally:
        admin.kubectl("annotate", "--overwrite", "crd", "mlapis.mlapi.dev", f"mlapi.dev/schema-hash={wanted}")
