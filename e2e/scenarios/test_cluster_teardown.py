"""A cluster leaves nothing behind, however it ends: tried on one of its own beside that of the others."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.cluster import Cluster, Layout, tear_down, up, why_no_node
from e2e.cluster.fakes import start_fakes
from e2e.cluster.layout import clusters_dir
from e2e.cluster.processes import Record, until
from e2e.machine import Machine, machine, processes_naming

LAYOUT = Layout(
    name="trial", subnet="10.211.0", pod_prefix="10.245", service_prefix="10.97", fake_prefix="10.247"
)
POD = "pod-of-the-trial-cluster"  # on its command line, so that it is found whatever its parents are
OTHERS = (f"/{Layout().name}/", f"mlapi-{Layout().name}/", "/buildah/")
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    reason = why_no_node()
    if reason is not None:
        pytest.skip(reason)
    tear_down(LAYOUT)
    yield machine(OTHERS)
    tear_down(LAYOUT)


def kubectl(cluster: Cluster, *arguments: str, stdin: str = "") -> str:
    command = [str(cluster.programs / "kubectl"), f"--kubeconfig={cluster.kubeconfig}", *arguments]
    return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True).stdout


def run_pod(cluster: Cluster) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod"},
        "spec": {
            # Mounts of several kinds: a tmpfs, a projected token.
            "volumes": [{"name": "memory", "emptyDir": {"medium": "Memory"}}],
            "containers": [
                {
                    "name": "pod",
                    "image": LAYOUT.pause,
                    "args": [POD],
                    "volumeMounts": [{"name": "memory", "mountPath": "/memory"}],
                }
            ],
        },
    }
    kubectl(cluster, "apply", "--filename=-", stdin=json.dumps(pod))
    kubectl(cluster, "wait", "--for=condition=Ready", "pod/pod", "--timeout=120s")


def assert_nothing_left(before: Machine) -> None:
    assert processes_naming(POD, str(LAYOUT.state), str(LAYOUT.run)) == {}
    assert not LAYOUT.state.exists()
    assert not LAYOUT.run.exists()
    now = machine(OTHERS)
    for field in dataclasses.fields(Machine):
        assert getattr(now, field.name) - getattr(before, field.name) == frozenset(), field.name


def test_teardown_cluster_with_running_pod_leaves_nothing(before: Machine) -> None:
    cluster = up(LAYOUT, nodes=2)
    run_pod(cluster)
    start_fakes(LAYOUT)
    assert processes_naming(POD)
    assert len(processes_naming("--node-ip=10.211.0.9", "e2e.fake_pods --server=https://10.211.")) == 2
    assert machine(OTHERS) != before
    tear_down(LAYOUT)
    assert_nothing_left(before)
    tear_down(LAYOUT)


def test_teardown_components_killed_pod_goes_too(before: Machine) -> None:
    run_pod(up(LAYOUT))
    record = Record(LAYOUT.state / "pids")
    for name in ("node1-kubelet", "node1-containerd", "kube-apiserver", "etcd"):
        pid = record.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert processes_naming(POD)
    tear_down(LAYOUT)
    assert_nothing_left(before)


def test_up_component_killed_cluster_started_anew(before: Machine) -> None:
    cluster = up(LAYOUT)
    uid = kubectl(cluster, "get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}")
    record = Record(LAYOUT.state / "pids")
    assert up(LAYOUT) == cluster
    assert uid == kubectl(cluster, "get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}")
    pid = record.pid("node1-containerd")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: record.pid("node1-containerd") is None, 30, lambda: "containerd outlives SIGKILL")
    assert up(LAYOUT) == cluster
    assert uid != kubectl(cluster, "get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}")
    run_pod(cluster)
    tear_down(LAYOUT)
    assert_nothing_left(before)


@pytest.mark.parametrize("last", ["etcd", "registry", "kube-scheduler", "node1-kubelet"])
def test_teardown_bring_up_killed_leaves_nothing(before: Machine, last: str) -> None:
    fields = dataclasses.asdict(LAYOUT)
    program = f"from e2e.cluster import Layout, up; up(Layout(**{fields!r}))"
    bringing_up = subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    record = LAYOUT.state / "pids" / last
    until(record.exists, 120, lambda: f"{record} does not appear")
    bringing_up.kill()
    bringing_up.wait()
    assert processes_naming(str(LAYOUT.state))
    tear_down(LAYOUT)
    assert_nothing_left(before)


def test_teardown_image_build_killed_leaves_nothing(before: Machine, tmp_path: Path) -> None:
    up(LAYOUT)
    step = "sleep 987654"
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "Containerfile").write_text(f"ARG BASE\nFROM ${{BASE}}\nRUN {step}\n")
    program = (
        "import pathlib, sys\n"
        "from e2e.cluster.base import base_image\n"
        "from e2e.cluster.images import build_image\n"
        "from e2e.cluster.oci import Registry\n"
        "registry = Registry(sys.argv[1])\n"
        "build_image(pathlib.Path(sys.argv[2]), base_image(registry), registry)\n"
    )
    building = subprocess.Popen(
        [sys.executable, "-c", program, LAYOUT.registry, str(folder)],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: bool(processes_naming(step)), 400, lambda: "the step of the build does not start")
    building.kill()
    building.wait()
    tear_down(LAYOUT)
    assert processes_naming(step) == {}
    assert_nothing_left(before)


def test_sysctls_last_cluster_ended_have_their_old_values(before: Machine) -> None:
    if any(path.is_dir() for path in clusters_dir().glob("*")):
        pytest.skip("another cluster stands, so the settings are its own too")
    up(LAYOUT)
    assert machine(OTHERS).sysctls != before.sysctls
    tear_down(LAYOUT)
    assert machine(OTHERS).sysctls == before.sysctls
