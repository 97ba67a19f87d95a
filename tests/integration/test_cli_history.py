"""`mlapi history` against a real API server, of revisions that the operator made."""

from pathlib import Path

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from tests.support.operating import operating
from tests.support.parts import mlapi as manifest
from tests.support.parts import until
from tests.support.scenes import live, make_ready
from tests.support.statuses import Object
from tests.support.terminal import mlapi


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the operator, where a test runs one."""
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))
    return light.kubeconfig


async def updated(admin: Kube, namespace: str) -> list[Object]:
    """Two revisions, the second on its way; oldest first."""
    async with operating():
        await make_ready(admin, namespace)
        change = {"framework": {"name": "Litestar"}, "env": [{"name": "A", "value": "1"}]}
        admin.patch("MLApi", namespace, "digits", {"spec": change})

        def told() -> bool:
            return len(live(admin, namespace)["status"]["revisions"]) == 2

        await until("the second revision in status", told)
    return sorted(admin.list("ControllerRevision", namespace), key=lambda each: int(each["revision"]))


async def test_history_shows_each_revision_with_its_result_and_figures(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    old, new = await updated(admin, namespace)
    figures = '{"requests": 5200, "errorPercent": 1, "p50Microseconds": 1200, "p95Microseconds": 3900}'
    annotations = {"mlapi.dev/latency": figures, "mlapi.dev/reason": "accepted after 60 s"}
    admin.kubectl(
        *("annotate", "controllerrevision", "-n", namespace, old["metadata"]["name"], "--overwrite"),
        *(f"{name}={value}" for name, value in annotations.items()),
    )
    # Status has only the newest: the older one's figures are those that were kept.
    shown = live(admin, namespace)["status"]
    admin.patch("MLApi", namespace, "digits", {"status": {"revisions": shown["revisions"][:1]}}, "/status")
    done = mlapi(kubeconfig, "history", "digits", "-n", namespace)
    assert (done.returncode, done.stderr) == (0, "")
    head, first, second, why, end = done.stdout.split("\n")
    columns = ["NO", "NAME", "STATE", "CREATED", "FRAMEWORK", "MODEL", "IMAGE"]
    assert head.split() == [*columns, "REQUESTS", "P50", "P95", "ERRORS", "RESULT"]
    image = "mlapi-fastapi@sha256:0123456"
    ago = [first.split()[3], second.split()[3]]
    assert first.split() == [
        *("2", new["metadata"]["name"], "current", ago[0], "ago", "Litestar", "digits.onnx", image),
        *("-", "-", "-", "-"),
    ]
    assert second.split() == [
        *("1", old["metadata"]["name"], "stable", ago[1], "ago", "FastAPI", "digits.onnx", image),
        *("5,200", "1.2ms", "3.9ms", "1", "%", "Active"),
    ]
    assert why == f"{old['metadata']['name']}:  accepted after 60 s"
    assert end == ""


async def test_history_of_one_revision_shows_its_fields_and_what_going_back_changes(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    old, new = await updated(admin, namespace)
    done = mlapi(kubeconfig, "history", "digits", "-n", namespace, "--revision", old["metadata"]["name"])
    assert done.returncode == 0, done.stderr
    _, fields = done.stdout.split("\nFields\n")
    assert fields.split("\n") == [
        "  framework:",
        "    name: FastAPI",
        "  model:",
        "    uri: https://models.example.com/digits.onnx",
        "",
        "From the present spec to this revision",
        '  env[A].value    "1"         ->  (none)',
        '  framework.name  "Litestar"  ->  "FastAPI"',
        "",
    ]
    present = mlapi(kubeconfig, "history", "digits", "-n", namespace, "--revision", new["metadata"]["name"])
    assert "The present spec asks for it" in present.stdout
    lost = mlapi(kubeconfig, "history", "digits", "-n", namespace, "--revision", "digits-0")
    assert lost.returncode == 1
    assert (
        f"no revision digits-0; there is {new['metadata']['name']}, {old['metadata']['name']}" in lost.stderr
    )


def test_history_of_one_that_has_no_revision_says_so(kubeconfig: Path, admin: Kube, namespace: str) -> None:
    admin.create("MLApi", namespace, manifest(namespace, "digits"))
    done = mlapi(kubeconfig, "history", "digits", "-n", namespace)
    assert (done.returncode, done.stdout) == (0, "MLApi digits has no revision yet\n")
