"""The one field that the manager `mlapi-replicas` applies."""

from mlapi_operator.api.kinds import DEPLOYMENT
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.desired import names
from mlapi_operator.desired.owner import Owner


def wanted(spec: MLApiSpec) -> int:
    if spec.suspend:
        return 0
    return 1 if spec.replicas is None else spec.replicas


def replicas(owner: Owner, count: int) -> Manifest:
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": names.deployment(owner.name), "namespace": owner.namespace},
        "spec": {"replicas": count},
    }
