"""`mlapi rollback` against a real API server: back through the spec, and only the fields of the revision."""

import asyncio
from pathlib import Path

import pytest
import yaml

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from tests.support.faults import Delay, FaultProxy
from tests.support.operating import operating
from tests.support.parts import until
from tests.support.scenes import live, make_ready, seen
from tests.support.statuses import Object
from tests.support.terminal import mlapi


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the operator, where a test runs one."""
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))
    return light.kubeconfig


CHANGE = {
    "framework": {"name": "Litestar"},
    "env": [{"name": "A", "value": "1"}],
    "replicas": 1,
    "slo": {"latencyP95Milliseconds": 50},
    "probe": {"startupTimeoutSeconds": 60, "smokeTest": {"intervalSeconds": 90}},
}


async def updated(admin: Kube, namespace: str) -> tuple[str, str]:
    """Names of the revision that is ready and of the next, which is on its way; operated from outside."""
    made = await make_ready(admin, namespace)
    admin.patch("MLApi", namespace, "digits", {"spec": CHANGE})

    def told() -> str | None:
        revision: str = live(admin, namespace)["status"]["rollout"]["revision"]
        return revision if revision != made["status"]["rollout"]["revision"] else None

    return made["status"]["rollout"]["revision"], await until("the second revision", told)


async def test_rollback_brings_the_last_accepted_revision_back_and_nothing_else(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    async with operating():
        old, new = await updated(admin, namespace)
        before = live(admin, namespace)
        done = mlapi(kubeconfig, "rollback", "digits", "-n", namespace)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split("\n") == [
            f"MLApi {namespace}/digits goes back to {old} (number 1, FastAPI, Active)",
            '  env[A].value                 "1"         ->  (none)',
            '  framework.name               "Litestar"  ->  "FastAPI"',
            "  probe.startupTimeoutSeconds  60          ->  (none)",
            f"written; follow it with: mlapi status digits -n {namespace} --watch",
            "",
        ]
        after = live(admin, namespace)
        assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
        assert after["spec"]["framework"] == {"name": "FastAPI"}
        assert "env" not in after["spec"]
        for untouched in ("replicas", "slo", "model"):
            assert after["spec"][untouched] == before["spec"][untouched]
        assert after["spec"]["probe"]["smokeTest"]["intervalSeconds"] == 90
        # The operator finds the old revision again, and its pods never went.
        found = await seen(admin, namespace, "Ready", "True", "Answering")
        assert found["status"]["rollout"]["revision"] == old
        names = {each["metadata"]["name"] for each in admin.list("ControllerRevision", namespace)}
        assert names == {old, new}
        managers = {entry["manager"]: entry for entry in found["metadata"]["managedFields"]}
        assert "f:framework" in managers["mlapi"]["fieldsV1"]["f:spec"]


async def test_rollback_to_the_revision_that_the_spec_asks_for_writes_nothing(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    async with operating():
        old, new = await updated(admin, namespace)
    before = live(admin, namespace)["metadata"]["resourceVersion"]
    done = mlapi(kubeconfig, "rollback", "digits", "-n", namespace, "--to", new)
    assert (done.returncode, done.stdout) == (
        0,
        f"the spec of MLApi {namespace}/digits asks for {new} already; nothing to write\n",
    )
    lost = mlapi(kubeconfig, "rollback", "digits", "-n", namespace, "--to", "digits-0")
    assert lost.returncode == 1
    assert f"no revision digits-0; there is {new}, {old}" in lost.stderr
    assert live(admin, namespace)["metadata"]["resourceVersion"] == before


async def test_rollback_of_the_only_accepted_revision_is_refused(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    async with operating():
        await make_ready(admin, namespace)
    done = mlapi(kubeconfig, "rollback", "digits", "-n", namespace)
    assert done.returncode == 1
    assert "no other revision was ever accepted" in done.stderr


async def test_rollback_dry_run_prints_a_manifest_that_does_the_same_and_warns_of_the_tool(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    async with operating():
        old, _ = await updated(admin, namespace)
    annotations = {"argocd.argoproj.io/tracking-id": "apps:mlapi.dev/MLApi:team-a/digits"}
    admin.patch("MLApi", namespace, "digits", {"metadata": {"annotations": annotations}})
    before = live(admin, namespace)
    dry = mlapi(kubeconfig, "rollback", "digits", "-n", namespace, "--dry-run")
    assert dry.returncode == 0
    assert live(admin, namespace)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert f"goes back to {old}" in dry.stderr
    assert "Argo CD writes this MLApi: commit the manifest" in dry.stderr
    committed = yaml.safe_load(dry.stdout)
    assert committed["metadata"] == {"name": "digits", "namespace": namespace}
    assert set(committed["spec"]) == {"framework", "model", "replicas", "slo", "probe"}
    wet = mlapi(kubeconfig, "rollback", "digits", "-n", namespace)
    assert "Argo CD writes this MLApi and may undo this: commit the manifest that mlapi rollback digits" in (
        wet.stderr
    )
    written: Object = live(admin, namespace)["spec"]
    admin.delete("MLApi", namespace, "digits")
    assert admin.create("MLApi", namespace, committed)["spec"] == written


async def test_rollback_of_one_that_changes_meanwhile_writes_nothing(
    proxy: FaultProxy, proxied: Path, admin: Kube, namespace: str
) -> None:
    async with operating():
        await updated(admin, namespace)
    proxy.fail("replace", "mlapis", Delay(1.0))
    going = asyncio.create_task(asyncio.to_thread(mlapi, proxied, "rollback", "digits", "-n", namespace))
    changes = 0
    while not going.done():
        changes += 1
        change = {"metadata": {"annotations": {"example.com/change": str(changes)}}}
        await asyncio.to_thread(admin.patch, "MLApi", namespace, "digits", change)
    done = await going
    assert done.returncode == 1
    assert f"MLApi {namespace}/digits was changed meanwhile; nothing was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert live(admin, namespace)["spec"]["framework"] == {"name": "Litestar"}
