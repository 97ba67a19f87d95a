"""The Deployment: keeps pods of one revision's template running."""

from mlapi_operator.api.kinds import DEPLOYMENT
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels, names
from mlapi_operator.desired.owner import Owner


def deployment(owner: Owner, template: Manifest) -> Manifest:
    """Without `spec.replicas`: its one writer is the manager `mlapi-replicas`.

    Args:
        template: the pod template of the revision to run, verbatim.
    """
    manifest = owner.child(DEPLOYMENT, names.deployment(owner.name))
    manifest["spec"] = {
        "selector": {"matchLabels": labels.pods(owner.name)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        # Old ReplicaSets serve nobody: ControllerRevisions are the history.
        "revisionHistoryLimit": 2,
        "template": template,
    }
    return manifest
