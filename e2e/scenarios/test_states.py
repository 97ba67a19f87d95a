"""One MLApi for each way of not answering that no other scenario is about, all at once."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from e2e.cluster.components import component
from e2e.kube import Object, condition, observed, wait_for
from e2e.world import World

pytestmark = pytest.mark.node

# name, condition, its reason, whether waiting does not help
WAYS = (
    ("no-registry", "ImageReady", "RegistryUnreachable", False),
    ("not-allowed", "ModelAvailable", "AuthFailed", True),
    ("too-large", "ModelAvailable", "TooLarge", True),
    ("inward", "ModelAvailable", "AddressRefused", True),
    ("no-cpu", "Scheduled", "InsufficientCPU", False),
    ("no-memory", "Scheduled", "InsufficientMemory", False),
    ("no-runtime", "Available", "RuntimeMissing", True),
    ("other-answer", "Serving", "WrongStatus", False),
    ("too-late", "Ready", "ProgressDeadlineExceeded", True),
    ("unasked", "LatencyWithinTarget", "NoData", False),
)


def specs(world: World, empty: str) -> dict[str, Object]:
    """What each of WAYS sets beside a model that is well.

    Args:
        empty: an image without a file.
    """
    return {
        "no-registry": {"image": f"localhost:1/mlapi@sha256:{'0' * 64}"},
        "not-allowed": {"model": {"uri": world.model("status/401/digits.onnx")}},
        "too-large": {"model": {"uri": world.model(f"zeros/{2**40}/digits.onnx")}},
        "inward": {"model": {"uri": "https://169.254.169.254/digits.onnx"}},
        "no-cpu": {"resources": {"requests": {"cpu": "1000"}}},
        "no-memory": {"resources": {"requests": {"cpu": "1m", "memory": "1000Gi"}}},
        "no-runtime": {"image": empty, "security": {"runAsUser": 65532}},
        "other-answer": {"probe": {"smokeTest": {"path": "/nowhere", "method": "GET"}}},
        "too-late": {
            "model": {"uri": world.model("broken.onnx")},
            "rollout": {"progressDeadlineSeconds": 10},
        },
        "unasked": {"slo": {"latencyP95Milliseconds": 5000}},
    }


@pytest.fixture
def empty(world: World, tmp_path: Path) -> str:
    layer = tmp_path / "layer.tar"
    with tarfile.open(layer, "w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"), io.BytesIO())
    command = [str(component("crane")), "append", "--oci-empty-base", "--new_layer", str(layer), "--new_tag"]
    target = f"{world.installation.registry}/{world.namespace}/empty:v1"
    done = subprocess.run([*command, target], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_way_of_not_answering_is_told_with_its_reason(world: World, empty: str) -> None:
    # Little enough that all of them find room on one node.
    well = {"model": {"uri": world.model("digits.onnx")}, "resources": {"requests": {"cpu": "1m"}}}
    for name, spec in specs(world, empty).items():
        world.apply(name, **{**well, **spec})
    for name, type, reason, stalled in WAYS:
        found = world.reason(name, type, reason)
        assert condition(found, type)["status"] in ("False", "Unknown"), name
        assert (condition(found, "Stalled")["status"] == "True") == stalled, name


def test_revisions_beyond_the_limit_are_deleted(world: World) -> None:
    name, model = "spent", {"uri": world.model("digits.onnx")}
    for colour in ("red", "green", "blue"):
        env = [{"name": "COLOUR", "value": colour}]
        world.apply(name, model=model, suspend=True, rollout={"revisionHistoryLimit": 0}, env=env)
        wait_for("a look at it", lambda: observed(world.get(name)))
    wait_for("one revision left", lambda: len(world.revisions(name)) == 1)
