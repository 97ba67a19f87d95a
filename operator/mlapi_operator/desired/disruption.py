"""The PodDisruptionBudget: a drained node takes only so many pods away at once."""

from mlapi_operator.api.kinds import POD_DISRUPTION_BUDGET
from mlapi_operator.api.rollout import Disruption
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels, names
from mlapi_operator.desired.owner import Owner


def disruption_budget(owner: Owner, disruption: Disruption) -> Manifest:
    if disruption.min_available is not None:
        bound: Manifest = {"minAvailable": disruption.min_available}
    else:
        bound = {"maxUnavailable": 1 if disruption.max_unavailable is None else disruption.max_unavailable}
    manifest = owner.child(POD_DISRUPTION_BUDGET, names.disruption_budget(owner.name))
    manifest["spec"] = {
        **bound,
        "selector": {"matchLabels": labels.pods(owner.name)},
        # A pod that does not serve holds up no drain.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return manifest
