"""Helm on a real API server: a release for a few namespaces, and what it does not go together with."""

import subprocess
import uuid
from collections.abc import Callable, Iterator

import pytest

from e2e.cluster.components import component
from e2e.cluster.light import LightCluster
from tests.chart.conftest import CHART, GOLDEN, Helm

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kubectl(light: LightCluster) -> Run:
    program = component("kubectl")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(program), f"--kubeconfig={light.kubeconfig}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    return run


@pytest.fixture
def install(helm: Helm, light: LightCluster) -> Run:
    """Installs a release for these namespaces, all without any, into a namespace."""

    def run(release: str, namespace: str, *watched: str, user: str = "") -> subprocess.CompletedProcess[str]:
        arguments = ["install", release, str(CHART), f"--namespace={namespace}", "--skip-crds"]
        arguments += [f"--kubeconfig={light.kubeconfig}", f"--values={GOLDEN / 'defaults' / 'values.yaml'}"]
        arguments += ["--set", f"watchNamespaces={{{','.join(watched)}}}"] if watched else []
        return helm(*arguments, *([f"--kube-as-user={user}"] if user else []))

    return run


@pytest.fixture
def team(helm: Helm, kubectl: Run, install: Run, light: LightCluster) -> Iterator[str]:
    """A namespace whose owner, who may do nothing outside of it, has installed a release for it."""
    name = f"team-{uuid.uuid4().hex[:8]}"
    owner = f"{name}-owner"
    kubectl("create", "namespace", name)
    kubectl("-n", name, "create", "rolebinding", owner, "--clusterrole=cluster-admin", f"--user={owner}")
    done = install("operator", name, name, user=owner)
    assert done.returncode == 0, done.stderr
    yield name
    helm("uninstall", "operator", f"--kubeconfig={light.kubeconfig}", f"--namespace={name}")
    kubectl("delete", "namespace", name, "--wait=false")


def test_release_for_all_namespaces_beside_one_for_a_few_is_refused(team: str, install: Run) -> None:
    done = install("operator", "default")
    assert done.returncode != 0
    assert f"namespace {team} is looked after by release {team}/operator" in done.stderr


def test_release_for_a_namespace_that_another_one_looks_after_is_refused(team: str, install: Run) -> None:
    done = install("another", "default", team)
    assert done.returncode != 0
    assert f'Role "mlapi-operator-watch" in namespace "{team}" exists' in done.stderr
