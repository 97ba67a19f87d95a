"""The Service: one address in front of the pods of every revision."""

from typing import Final

from mlapi_operator.api.kinds import SERVICE
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels, names
from mlapi_operator.desired.containers import HTTP
from mlapi_operator.desired.owner import Owner

PORT: Final = 80


def service(owner: Owner) -> Manifest:
    manifest = owner.child(SERVICE, names.service(owner.name))
    manifest["spec"] = {
        "type": "ClusterIP",
        "selector": labels.pods(owner.name),
        "ports": [{"name": HTTP, "port": PORT, "protocol": "TCP", "targetPort": HTTP, "appProtocol": "http"}],
    }
    return manifest


def internal_url(owner: Owner) -> str:
    """As pods of the cluster reach it; the cluster's domain is left to their resolver."""
    return f"http://{names.service(owner.name)}.{owner.namespace}.svc"
