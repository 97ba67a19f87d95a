"""A real API server takes every object of the chart, without a warning of Pod Security `restricted`."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from e2e.cluster.components import component
from e2e.cluster.light import LightCluster
from tests.chart.conftest import CHART, GOLDEN
from tests.support.crd import serving_mlapis

EXAMPLES = CHART.parents[1] / "examples"
ACCOUNT = "system:serviceaccount:mlapi-system:mlapi-operator"


@pytest.fixture(scope="module")
def kubectl(light: LightCluster, render: Callable[[Path], str]) -> Iterator[Callable[..., str]]:
    """kubectl on a cluster where the chart's objects are applied."""
    program = component("kubectl")

    def run(*arguments: str | Path, stdin: str = "") -> str:
        command = [program, f"--kubeconfig={light.kubeconfig}", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    cases = [render(GOLDEN / case / "values.yaml") for case in ("everything", "defaults")]
    for namespace in ("mlapi-system", "team-a", "team-b"):
        run("create", "namespace", namespace)
    run("label", "namespace", "mlapi-system", "pod-security.kubernetes.io/warn=restricted")
    for manifests in cases:
        applied = run("apply", "--server-side", "--validate=strict", "--filename=-", stdin=manifests)
        assert "rror" not in applied, applied
        assert "arning" not in applied, applied
    with serving_mlapis(light):
        yield run
    manifests = "---\n".join(cases)
    run("delete", "--ignore-not-found", "--filename=-", stdin=manifests)


def test_crd_of_the_chart_is_taken_by_client_side_apply(kubectl: Callable[..., str]) -> None:
    assert "mlapis.mlapi.dev" in kubectl("apply", "--filename", CHART / "crds")


@pytest.mark.parametrize(
    ("verb", "resource", "answer"),
    [
        ("get", "secrets", "no"),
        ("create", "pods", "no"),
        ("update", "mlapis.mlapi.dev", "no"),
        ("patch", "mlapis.mlapi.dev/status", "yes"),
        ("patch", "deployments.apps", "yes"),
    ],
)
def test_account_of_the_operator_asked_for_a_verb_is_answered(
    verb: str, resource: str, answer: str, kubectl: Callable[..., str]
) -> None:
    kubectl("apply", "--filename", CHART / "crds")
    resource, _, subresource = resource.partition("/")
    asked = ("auth", "can-i", verb, resource, f"--subresource={subresource}", "--all-namespaces")
    assert kubectl(*asked, f"--as={ACCOUNT}").split()[-1] == answer


@pytest.mark.parametrize(
    ("role", "verb", "answer"), [("view", "get", "yes"), ("view", "patch", "no"), ("edit", "patch", "yes")]
)
def test_user_with_a_standard_role_may_do_the_same_with_mlapis(
    role: str, verb: str, answer: str, kubectl: Callable[..., str]
) -> None:
    kubectl("apply", "--filename", CHART / "crds")
    name = f"{role}-{verb}"
    kubectl("create", "rolebinding", name, f"--clusterrole={role}", f"--user={name}")
    assert kubectl("auth", "can-i", verb, "mlapis.mlapi.dev", f"--as={name}").split()[-1] == answer


def test_examples_as_they_stand_are_valid(kubectl: Callable[..., str]) -> None:
    kubectl("apply", "--filename", CHART / "crds")
    for example in sorted(EXAMPLES.rglob("*.yaml")):
        manifest = yaml.safe_load(example.read_text())
        kubectl("create", "namespace", manifest["metadata"]["namespace"])
        answer = kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", example)
        assert answer.startswith(f"mlapi.mlapi.dev/{manifest['metadata']['name']} created"), answer
