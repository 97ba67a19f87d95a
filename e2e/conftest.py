"""Fixtures of the scenarios: one cluster with the operator installed, a namespace for each scenario."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.audit import Audit
from e2e.cluster import Cluster, given, up, why_no_node
from e2e.cluster.images import build_images
from e2e.digits import Digits, train
from e2e.faulty_models import broken, hungry
from e2e.install import NAMESPACE, install_operator, restricted_namespace
from e2e.kube import Kube
from e2e.model_server import install as install_models
from e2e.operator_release import Operator
from e2e.record import Recorder
from e2e.world import Installation, World

# The examples fetch their models from there, and live there.
MODELS_NAMESPACE = "mlapi-demo"
PASSENGERS = Path(__file__).parents[1] / "examples" / "handlers" / "seasons" / "passengers.json"
# While no other cluster stands, the settings of the machine can be judged too.
FIRST = "test_cluster_teardown.py"
# What judges all that was seen while the others ran.
LAST = ("e2e/scenarios/test_permissions.py", "e2e/scenarios/test_recorded_states.py")
USER = f"system:serviceaccount:{NAMESPACE}:mlapi-operator"
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    place = item.path.relative_to(item.config.rootpath).as_posix()
    if place.endswith(FIRST):
        return -2
    return LAST.index(place) if place in LAST else -1


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    reason = None if given() else why_no_node()
    if reason is not None:
        pytest.skip(reason)
    return up()


@pytest.fixture(scope="session")
def kube(cluster: Cluster) -> Kube:
    return Kube(cluster.kubeconfig, cluster.programs)


@pytest.fixture(scope="session")
def images(cluster: Cluster) -> dict[str, str]:
    return build_images(cluster)


@pytest.fixture(scope="session")
def digits() -> Digits:
    return train()


@pytest.fixture(scope="session")
def installation(
    cluster: Cluster, kube: Kube, images: dict[str, str], digits: Digits
) -> Iterator[Installation]:
    if cluster.audit_log is None:
        pytest.skip("MLAPI_AUDIT_LOG names no audit log of the cluster of KUBECONFIG")
    restricted_namespace(kube, MODELS_NAMESPACE)
    files = {
        "digits.onnx": digits.onnx,
        "digits.skops": digits.skops,
        "broken.onnx": broken(),
        "hungry.onnx": hungry(gibibytes=4),
        PASSENGERS.name: PASSENGERS.read_bytes(),
    }
    models = install_models(kube, MODELS_NAMESPACE, images["fastapi"], files)

    def install(settings: dict[str, Any], namespace: str) -> None:
        install_operator(
            kube,
            images=images,
            authority=models.authority,
            allowed_cidrs=PRIVATE,
            settings=settings,
            namespace=namespace,
        )

    install({}, NAMESPACE)
    yield Installation(
        kube, Operator(kube, install), Audit(cluster.audit_log, USER), images, cluster.registry, models.url
    )
    kube.kubectl("delete", "namespace", MODELS_NAMESPACE)


@pytest.fixture(scope="session")
def recorder(installation: Installation) -> Iterator[Recorder]:
    with Recorder(installation.kube) as recording:
        yield recording


@pytest.fixture
def world(installation: Installation, recorder: Recorder, request: pytest.FixtureRequest) -> Iterator[World]:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).removeprefix("test-")
    # Tests of one name but for a parameter, and a second run while the first's namespace still goes, differ.
    world = World(installation, f"e2e-{words[:40].strip('-')}-{secrets.token_hex(3)}")
    restricted_namespace(installation.kube, world.namespace)
    yield world
    if request.node.stash.get(FAILED, False):
        print(_diagnosis(world))
    installation.kube.kubectl("delete", "namespace", world.namespace, "--wait=false")


@pytest.fixture
def demo(installation: Installation, recorder: Recorder, request: pytest.FixtureRequest) -> Iterator[World]:
    """Where the examples live, and nothing else."""
    world = World(installation, MODELS_NAMESPACE)
    yield world
    if request.node.stash.get(FAILED, False):
        print(_diagnosis(world))
    installation.kube.kubectl("-n", world.namespace, "delete", "mlapi", "--all")


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report


def _diagnosis(world: World) -> str:
    """What a person would look at first."""
    children = "app.kubernetes.io/managed-by=mlapi-operator"
    looks = (
        f"-n {world.namespace} get mlapi,deploy,rs,pod,svc,controllerrevision -o wide",
        f"-n {world.namespace} get mlapi -o yaml",
        f"-n {world.namespace} get events --sort-by=.lastTimestamp",
        f"-n {world.namespace} logs -l {children} --all-containers --tail=30 --prefix",
        f"-n {NAMESPACE} logs -l app.kubernetes.io/name=mlapi-operator --tail=60 --prefix",
    )
    return "\n".join(f"$ kubectl {look}\n{world.kube.kubectl(*look.split(), check=False)}" for look in looks)
