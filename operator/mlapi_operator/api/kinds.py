"""The kinds that the operator reads or writes, as the API server names them."""

from dataclasses import dataclass
from typing import Final

GROUP: Final = "mlapi.dev"
VERSION: Final = "v1alpha1"


@dataclass(frozen=True)
class Kind:
    """One resource of the API server."""

    api_version: str
    plural: str
    kind: str


MLAPI: Final = Kind(f"{GROUP}/{VERSION}", "mlapis", "MLApi")
DEPLOYMENT: Final = Kind("apps/v1", "deployments", "Deployment")
CONTROLLER_REVISION: Final = Kind("apps/v1", "controllerrevisions", "ControllerRevision")
SERVICE: Final = Kind("v1", "services", "Service")
POD: Final = Kind("v1", "pods", "Pod")
CONFIG_MAP: Final = Kind("v1", "configmaps", "ConfigMap")
POD_DISRUPTION_BUDGET: Final = Kind("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget")
PERSISTENT_VOLUME_CLAIM: Final = Kind("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
NODE: Final = Kind("v1", "nodes", "Node")
EVENT: Final = Kind("v1", "events", "Event")
LEASE: Final = Kind("coordination.k8s.io/v1", "leases", "Lease")
CRD: Final = Kind("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition")
