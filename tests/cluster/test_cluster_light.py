"""A control plane without a node: what integration tests stand on."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.components import component
from e2e.cluster.light import LightCluster
from e2e.cluster.processes import identity, until

CONFIG_MAP = json.dumps(
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"answer": "42"}}
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightCluster]:
    with LightCluster(tmp_path_factory.mktemp("light")) as cluster:
        yield cluster


def kubectl(cluster: LightCluster, *arguments: str, stdin: str = "") -> str:
    command = [str(component("kubectl")), f"--kubeconfig={cluster.kubeconfig}", *arguments]
    return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True).stdout


def test_light_cluster_deployment_applied_controllers_make_its_pod(cluster: LightCluster) -> None:
    kubectl(cluster, "create", "deployment", "web", "--image=example.com/web")
    until(
        lambda: "web-" in kubectl(cluster, "get", "pods", "--selector=app=web", "--output=name"),
        60,
        lambda: "no pod of the Deployment appears",
    )


def test_light_cluster_pod_breaking_restricted_refused(cluster: LightCluster) -> None:
    kubectl(cluster, "create", "namespace", "strict")
    kubectl(cluster, "label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl(cluster, "run", "pod", "--namespace=strict", "--image=example.com/web")
    assert "violates PodSecurity" in refused.value.stderr


def test_light_cluster_requests_answered_are_in_audit_log(cluster: LightCluster) -> None:
    kubectl(cluster, "create", "configmap", "audited")
    # The line is written after the answer has been sent.
    until(lambda: bool(audited(cluster)), 30, lambda: "the request is not in the audit log")
    created = audited(cluster)
    assert [(entry["user"]["username"], entry["stage"]) for entry in created] == [
        ("admin", "ResponseComplete")
    ]
    assert "requestObject" not in created[0]


def audited(cluster: LightCluster) -> list[dict[str, Any]]:
    # What is still being written has no end of line yet.
    lines = cluster.audit_log.read_text().rpartition("\n")[0].splitlines()
    entries = [json.loads(line) for line in lines]
    return [
        entry
        for entry in entries
        if entry["verb"] == "create" and entry.get("objectRef", {}).get("name") == "audited"
    ]


def test_light_cluster_apiserver_restarted_keeps_address_and_objects(cluster: LightCluster) -> None:
    kubectl(cluster, "apply", "--filename=-", stdin=CONFIG_MAP)
    server = cluster.server
    cluster.restart_apiserver()
    assert cluster.server == server
    assert kubectl(cluster, "get", "configmap", "kept", "--output=jsonpath={.data.answer}") == "42"


def test_light_cluster_parent_killed_processes_end(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from e2e.cluster.light import LightCluster\n"
        "with LightCluster(pathlib.Path(sys.argv[1])):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(600)\n"
    )
    path = os.pathsep.join(["."] + ([os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []))
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    children = children_of(parent.pid)
    assert len(children) == 3
    parent.kill()
    parent.communicate()
    until(
        lambda: all(identity(pid) is None for pid in children),
        30,
        lambda: f"of {children} some outlive the killed parent",
    )


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
