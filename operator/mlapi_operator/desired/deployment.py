"""The Deployment: keeps pods of one revision's template running."""

from typing import Any, Final

from mlapi_operator.api.kinds import DEPLOYMENT
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels, names
from mlapi_operator.desired.owner import Owner

SURGE: Final[Manifest] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def deployment(
    owner: Owner,
    template: Manifest,
    *,
    fields: dict[str, Any],
    strategy: Manifest = SURGE,
    plan: str = "",
    paused: bool = False,
) -> Manifest:
    """Without `spec.replicas`: its one writer is the manager `mlapi-replicas`.

    Args:
        template: the pod template of the revision to run, verbatim.
        fields: the workload fields of that revision.
        strategy: `spec.strategy`.
        plan: how the revision is rolled out, as JSON; empty for none.
        paused: pods are not replaced, though the template may differ.
    """
    manifest = owner.child(DEPLOYMENT, names.deployment(owner.name))
    if queue := fields.get("scheduling", {}).get("queueName"):
        manifest["metadata"]["labels"][labels.QUEUE_NAME] = queue
    if plan:
        manifest["metadata"]["annotations"] = {labels.ROLLOUT: plan}
    manifest["spec"] = {
        "selector": {"matchLabels": labels.pods(owner.name)},
        "strategy": strategy,
        # Old ReplicaSets serve nobody: ControllerRevisions are the history.
        "revisionHistoryLimit": 2,
        "template": template,
    }
    if paused:
        manifest["spec"]["paused"] = True
    return manifest
