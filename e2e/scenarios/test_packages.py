"""The tools that people deploy with wait for an MLApi, and stop waiting when waiting does not help."""

from pathlib import Path

import pytest
import yaml

from e2e.kube import condition, wait_for
from e2e.world import World

pytestmark = pytest.mark.node


def test_helm_install_waits_for_an_mlapi_until_it_is_ready(world: World, tmp_path: Path) -> None:
    chart = _chart(tmp_path, world.manifest("digits", model={"uri": world.model("digits.onnx")}))
    world.kube.run(
        "helm", "install", "mine", str(chart), "-n", world.namespace, "--wait", "--timeout", "120s"
    )
    assert condition(world.get("digits"), "Ready")["status"] == "True"


def test_helm_install_fails_at_once_when_an_mlapi_is_stalled(world: World, tmp_path: Path) -> None:
    broken = world.manifest("digits", model={"uri": world.model("digits.onnx"), "sha256": "0" * 64})
    done = world.kube.run(
        *("helm", "install", "mine", str(_chart(tmp_path, broken)), "-n", world.namespace),
        *("--wait", "--timeout", "300s"),
        check=False,
    )
    assert done.returncode != 0
    assert "Failed" in done.stderr
    assert "deadline exceeded" not in done.stderr.lower() or "Stalled" in done.stderr
    wait_for(
        "the reason", lambda: condition(world.get("digits"), "ModelAvailable")["reason"] == "ChecksumMismatch"
    )


def test_pods_of_operator_and_mlapi_live_under_pod_security_restricted(world: World) -> None:
    world.apply("digits", model={"uri": world.model("digits.onnx")})
    world.ready("digits")
    for namespace in (world.namespace, world.operator.namespace):
        labels = world.kube.kubectl("get", "namespace", namespace, "-o", "jsonpath={.metadata.labels}")
        assert '"pod-security.kubernetes.io/enforce":"restricted"' in labels
        assert world.kube.list("Pod", namespace)


def _chart(folder: Path, *manifests: object) -> Path:
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text(
        yaml.safe_dump({"apiVersion": "v2", "name": "mine", "version": "1.0.0"})
    )
    (folder / "templates" / "all.yaml").write_text(yaml.safe_dump_all(manifests))
    return folder
