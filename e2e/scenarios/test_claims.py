"""A model on a claim is served in place; a claim or file that is missing is named."""

import base64
from collections.abc import Iterator

import pytest

from e2e.digits import Digits
from e2e.kube import condition, wait_for
from e2e.world import World

pytestmark = pytest.mark.node

CLAIM = "models"
FILE = "digits/1/digits.onnx"
WRITE = (
    "import base64, pathlib, sys; file = pathlib.Path('/models', sys.argv[1]); "
    "file.parent.mkdir(parents=True, exist_ok=True); file.write_bytes(base64.b64decode(sys.stdin.read()))"
)


class Volume:
    """A folder of the node as a PersistentVolume, and a pod that may write to it as no MLApi may."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._name = f"claims-{world.namespace}"
        # There, and there alone, Kubernetes deletes a folder with its volume.
        self._folder = {"path": f"/tmp/{self._name}", "type": "DirectoryOrCreate"}

    def offer(self) -> None:
        """The volume, and the claim that is bound to it."""
        size = {"storage": "1Gi"}
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": self._name},
            "spec": {
                "capacity": size,
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": "",
                "hostPath": self._folder,
            },
        }
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": self._world.namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": size},
                "storageClassName": "",
                "volumeName": self._name,
            },
        }
        self._world.kube.apply(volume, claim)

    def publish(self, path: str, content: bytes) -> None:
        """Writes a file, as who fills claims does it."""
        kube = self._world.kube
        container = {
            "name": "publish",
            "image": self._world.image,
            "command": ["/opt/app/bin/python", "-c", "import time; time.sleep(3600)"],
            "securityContext": {"runAsUser": 0},
            "volumeMounts": [{"name": "folder", "mountPath": "/models"}],
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "publish", "namespace": self._name},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [container],
                "volumes": [{"name": "folder", "hostPath": self._folder}],
            },
        }
        kube.kubectl("create", "namespace", self._name)
        kube.apply(pod)
        kube.kubectl("-n", self._name, "wait", "--for=condition=Ready", "pod/publish", "--timeout=120s")
        write = ("exec", "-i", "publish", "--", "/opt/app/bin/python", "-c", WRITE, path)
        kube.run("kubectl", "-n", self._name, *write, stdin=base64.b64encode(content).decode())

    def remove(self) -> None:
        """With its folder, once no pod uses it any more."""
        delete = ("delete", "--ignore-not-found")
        kube, namespace = self._world.kube, ("-n", self._world.namespace)
        kube.kubectl(*delete, "namespace", self._name)
        kube.kubectl(*namespace, *delete, "mlapi", "--all")
        kube.kubectl(*namespace, *delete, "persistentvolumeclaim", CLAIM)
        kube.kubectl("wait", "--for=delete", f"persistentvolume/{self._name}", "--timeout=60s")


@pytest.fixture
def volume(world: World) -> Iterator[Volume]:
    volume = Volume(world)
    yield volume
    volume.remove()


def test_model_on_a_claim_is_served_once_the_claim_and_the_file_are_there(
    world: World, volume: Volume, digits: Digits
) -> None:
    name = "digits"
    world.apply(name, model={"uri": f"pvc://{CLAIM}/{FILE}"})

    def told(type_: str, words: str) -> str | None:
        found = condition(world.get(name), type_)
        return found["reason"] if found["status"] == "False" and words in found["message"] else None

    wait_for("the claim is missed", lambda: told("Scheduled", f'persistentvolumeclaim "{CLAIM}" not found'))
    volume.offer()
    missing = f"pvc://{CLAIM}/{FILE} is not on the claim"
    assert wait_for("the file is missed", lambda: told("ModelAvailable", missing)) == "NotFound"
    volume.publish(FILE, digits.onnx)
    status = world.ready(name)["status"]
    assert status["model"]["sizeBytes"] == len(digits.onnx)
    assert world.predicts(name, digits)
    (pod,) = world.pods(name)
    command = ("touch", "/models/new")
    where = ("-n", world.namespace, "exec", pod["metadata"]["name"], "-c", "server", "--", *command)
    assert "Read-only file system" in world.kube.run("kubectl", *where, check=False).stderr
