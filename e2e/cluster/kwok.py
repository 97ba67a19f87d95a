"""kwok: it plays the kubelets of the nodes that carry its annotation, and writes what their pods report."""

from pathlib import Path
from typing import Final

from e2e.cluster.components import component

FAKE: Final = {"kwok.x-k8s.io/node": "fake"}
_STAGES: Final = Path(__file__).parent / "stages.yaml"
# The controller-manager gives up a node after 10 s of silence; kwok renews each quarter of this.
_LEASE_SECONDS: Final = 12


def kwok(kubeconfig: Path, address: str, pods: str) -> list[str]:
    """Command that keeps the fake nodes alive.

    Args:
        address: of all the nodes.
        pods: CIDR of the pods on nodes without one of their own.
    """
    (key, value) = next(iter(FAKE.items()))
    return [
        str(component("kwok")),
        f"--kubeconfig={kubeconfig}",
        f"--config={_STAGES}",
        f"--manage-nodes-with-annotation-selector={key}={value}",
        f"--node-ip={address}",
        f"--cidr={pods}",
        f"--node-lease-duration-seconds={_LEASE_SECONDS}",
        "--v=WARN",
    ]
